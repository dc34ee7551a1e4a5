// A relay's signed record (`/.well-known/petrel.json`), made with Node's own cryptography: a libp2p signed envelope (RFC 0002) with a
// secp256k1 key. See `core/src/relay_record.rs`.

import { createECDH, createPrivateKey, sign } from 'node:crypto';

const DOMAIN = 'petrel-relay-record';
const KIND = '/petrel/relay-record/1';
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** Half of the curve's order: a greater `s` of a signature is refused (BIP 62). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** A new relay: its peer id, and `record({ chain, addresses, others })`, which signs a document that is valid now. */
export function signingRelay() {
  const ecdh = createECDH('secp256k1');
  const point = ecdh.generateKeys();
  const b64 = (bytes) => bytes.toString('base64url');
  const jwk = { kty: 'EC', crv: 'secp256k1', x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)), d: b64(ecdh.getPrivateKey()) };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const publicKey = Buffer.concat([Buffer.from([8, 2]), field(2, ecdh.getPublicKey(null, 'compressed'))]);
  const peer = base58(Buffer.concat([Buffer.from([0, publicKey.length]), publicKey]));
  return { peer, record: (content) => document(key, publicKey, { peer, others: [], ...content }) };
}

function document(key, publicKey, content) {
  const now = Date.now();
  const record = { time_ms: now, expires_ms: now + 24 * 3600_000, ...content };
  const payload = Buffer.from(JSON.stringify(record));
  const signed = Buffer.concat([DOMAIN, KIND, payload].map((part) => prefixed(Buffer.from(part))));
  const envelope = Buffer.concat([field(1, publicKey), field(2, Buffer.from(KIND)), field(3, payload), field(5, signature(key, signed))]);
  return JSON.stringify({ record, envelope: `0x${envelope.toString('hex')}` });
}

/** In DER, with a low `s`: every second one has it. */
function signature(key, bytes) {
  for (;;) {
    const compact = sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
    if (BigInt(`0x${compact.subarray(32).toString('hex')}`) > HALF_ORDER) continue;
    const [r, s] = [compact.subarray(0, 32), compact.subarray(32)].map(derInteger);
    return Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s]);
  }
}

function derInteger(bytes) {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start)[0] >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes.subarray(start)]) : bytes.subarray(start);
  return Buffer.concat([Buffer.from([2, digits.length]), digits]);
}

/** A field of protobuf that has bytes. */
function field(number, bytes) {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), prefixed(bytes)]);
}

function prefixed(bytes) {
  const length = [];
  for (let rest = bytes.length; length.push(rest > 127 ? (rest & 127) | 128 : rest) && rest > 127; ) rest >>= 7;
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** Of bytes that begin with exactly one zero, as those of a peer id do. */
function base58(bytes) {
  let digits = '';
  for (let rest = BigInt(`0x${bytes.toString('hex')}`); rest > 0n; rest /= 58n) digits = ALPHABET[Number(rest % 58n)] + digits;
  return `1${digits}`;
}
