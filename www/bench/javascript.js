// The validation of one message in JavaScript alone: with snappyjs and noble's hashes and curve; written here: the SSZ payload (V4),
// the transactions' root, the header. It takes every shortcut that changes no result, and has none of Petrel's checks beyond signature
// and hash.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { uncompress } from 'snappyjs';

const SIGNATURE = 65;
const ROOT = 32;
const EMPTY_UNCLES = bytes('1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347');
const EMPTY_REQUESTS = bytes('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

/** The message id, the signer, and the block's hash; throws when the payload claims another hash. */
export function validate(wire, topic, chainId) {
  const message = uncompress(wire, 10 << 20);
  const name = new TextEncoder().encode(topic);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(name.length), true);
  const id = sha256(concat([Uint8Array.of(1, 0, 0, 0), length, name, message])).subarray(0, 20);
  const signed = message.subarray(SIGNATURE);
  const words = new Uint8Array(96);
  new DataView(words.buffer).setBigUint64(56, BigInt(chainId));
  words.set(keccak_256(signed), 64);
  const { hash, claimed } = block(signed.subarray(ROOT), signed.subarray(0, ROOT));
  if (hex(hash) !== hex(claimed)) throw new Error('the payload claims another hash');
  return { id: hex(id), signer: signer(message.subarray(0, SIGNATURE), keccak_256(words)), hash: hex(hash) };
}

function signer(signature, digest) {
  const recovered = concat([signature.subarray(64), signature.subarray(0, 64)]);
  const key = secp256k1.Point.fromBytes(secp256k1.recoverPublicKey(recovered, digest, { prehash: false }));
  return hex(keccak_256(key.toBytes(false).subarray(1)).subarray(12));
}

function block(ssz, beacon) {
  const view = new DataView(ssz.buffer, ssz.byteOffset, ssz.byteLength);
  const at = (from, to) => ssz.subarray(from, to);
  const quantity = (offset) => integer(at(offset, offset + 8));
  const [transactions, withdrawals] = [view.getUint32(504, true), view.getUint32(508, true)];
  const header = list([
    at(0, 32), EMPTY_UNCLES, at(32, 52), at(52, 84), orderedRoot(split(at(transactions, withdrawals))), at(84, 116), at(116, 372),
    new Uint8Array(0), quantity(404), quantity(412), quantity(420), quantity(428), at(436 + 124, transactions), at(372, 404), new Uint8Array(8),
    integer(at(440, 472)), at(528, 560), quantity(512), quantity(520), beacon, EMPTY_REQUESTS,
  ].map(string));
  return { hash: keccak_256(header), claimed: at(472, 504) };
}

/** Items of an SSZ list of byte lists. */
function split(region) {
  if (region.length === 0) return [];
  const view = new DataView(region.buffer, region.byteOffset, region.byteLength);
  const count = view.getUint32(0, true) / 4;
  const start = (index) => (index < count ? view.getUint32(4 * index, true) : region.length);
  return Array.from({ length: count }, (_, index) => region.subarray(start(index), start(index + 1)));
}

/** The root of the Merkle Patricia trie of a list. */
function orderedRoot(items) {
  const leaves = items.map((value, index) => ({ path: nibbles(string(integerOf(index))), value }));
  return keccak_256(node(leaves, 0));
}

function node(leaves, depth) {
  if (leaves.length === 1) return list([string(compact(leaves[0].path.slice(depth), true)), string(leaves[0].value)]);
  let shared = depth;
  while (leaves.every(({ path }) => path.length > shared && path[shared] === leaves[0].path[shared])) shared += 1;
  if (shared > depth) {
    return list([string(compact(leaves[0].path.slice(depth, shared), false)), reference(node(leaves, shared))]);
  }
  const children = Array.from({ length: 16 }, () => []);
  for (const leaf of leaves) children[leaf.path[depth]].push(leaf);
  const parts = children.map((child) => (child.length > 0 ? reference(node(child, depth + 1)) : Uint8Array.of(0x80)));
  return list([...parts, Uint8Array.of(0x80)]);
}

function reference(encoded) {
  return encoded.length < 32 ? encoded : string(keccak_256(encoded));
}

function compact(path, leaf) {
  const odd = path.length % 2;
  const all = odd ? [(leaf ? 2 : 0) + 1, ...path] : [leaf ? 2 : 0, 0, ...path];
  return Uint8Array.from({ length: all.length / 2 }, (_, index) => (all[2 * index] << 4) | all[2 * index + 1]);
}

function nibbles(key) {
  return [...key].flatMap((byte) => [byte >> 4, byte & 15]);
}

/** RLP. */
function string(value) {
  if (value.length === 1 && value[0] < 0x80) return value;
  return concat([prefix(value.length, 0x80), value]);
}

function list(parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat([prefix(length, 0xc0), ...parts]);
}

function prefix(length, base) {
  if (length < 56) return Uint8Array.of(base + length);
  const size = integerOf(length);
  return concat([Uint8Array.of(base + 55 + size.length), size]);
}

/** Little-endian bytes as RLP's integer: big-endian, without leading zeros. */
function integer(little) {
  let end = little.length;
  while (end > 0 && little[end - 1] === 0) end -= 1;
  return little.slice(0, end).reverse();
}

function integerOf(value) {
  const out = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) out.unshift(rest % 256);
  return Uint8Array.from(out);
}

function concat(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function bytes(text) {
  return Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
}

function hex(value) {
  return `0x${[...value].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
