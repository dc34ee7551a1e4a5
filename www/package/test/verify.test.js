// `petrel/verify`: messages that op-node signed, changed ones, evidence, and wrong options. The expected reports of evidence are those of
// the core's test and of `petrel check` (`tests/vectors/evidence/index.json`).

import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { packageDist } from '../../folders.js';
import { app, output } from './installed.js';

const { judgeEvidence, PetrelError, verify } = await import(new URL('verify/index.js', packageDist));

const vectors = new URL('../../../tests/vectors/', import.meta.url);
const devnet = new URL('gossip/op-node-devnet/', vectors);
const json = async (url) => JSON.parse(await readFile(url, 'utf8'));

const rollup = await json(new URL('rollup.json', devnet));
const { messages } = await json(new URL('index.json', devnet));
const [{ signer }] = messages;
const wire = ({ file }) => readFile(new URL(file, devnet));
const last = messages.at(-1);
const options = { chain: rollup, signer, at: 'block' };

async function failure(promise) {
  const error = await promise.then(() => assert.fail('it was accepted'), (thrown) => thrown);
  assert.ok(error instanceof PetrelError, String(error));
  return error;
}

test('each message that op-node signed is accepted, with its block', async () => {
  assert.equal(messages.length, 26);
  for (const message of messages) {
    const { verdict, fault, detail, block, signer, messageId, version, scheduleMismatch } = await verify(await wire(message), options);
    assert.deepEqual([verdict, fault, detail, scheduleMismatch], ['accept', null, null, null], message.file);
    assert.deepEqual([messageId, version, signer], [`0x${message.messageId}`, message.version, message.signer]);
    const { number, hash, parent, timestamp, timestampMs, txs } = block;
    assert.deepEqual([number, hash, parent, timestamp], [message.number, message.hash, message.parentHash, message.timestamp]);
    assert.deepEqual([timestampMs, txs, block.transactions.length], [timestamp * 1000, message.txCount, message.txCount]);
    assert.equal(typeof block.baseFeePerGas, 'bigint');
    assert.equal(block.withdrawalsRoot !== null, version === 'V4');
    assert.equal(block.parentBeaconBlockRoot !== null, version >= 'V3');
    for (const root of [block.stateRoot, block.receiptsRoot, block.transactionsRoot]) assert.match(root, /^0x[0-9a-f]{64}$/);
  }
});

test('a topic or a version selects the rules, and time counts', async () => {
  const bytes = await wire(last);
  for (const given of [{ topic: last.topic }, { version: 'V4' }, { topic: last.topic, version: 'V4' }]) {
    assert.equal((await verify(bytes, { ...options, ...given })).verdict, 'accept');
  }
  assert.equal((await verify(bytes, { ...options, version: 'V3' })).fault, 'undecodable');
  const at = async (at) => (await verify(bytes, { ...options, at })).fault;
  assert.deepEqual([await at(last.timestamp + 60), await at(last.timestamp + 61)], [null, 'too_old']);
  assert.deepEqual([await at(last.timestamp - 5), await at(last.timestamp - 6)], [null, 'too_new']);
  const now = await verify(bytes, { chain: rollup, signer });
  assert.ok(['too_old', 'too_new'].includes(now.fault) || Math.abs(Date.now() / 1000 - last.timestamp) < 70);
});

test('a changed message, another signer, and no signer are refused without a block', async () => {
  const bytes = await wire(last);
  const refused = async (bytes, more) => {
    const { verdict, fault, block, detail, signer } = await verify(bytes, { ...options, ...more });
    assert.deepEqual([block, typeof detail], [null, 'string']);
    return [verdict, fault, signer];
  };
  const other = '0x0000000000000000000000000000000000000001';
  assert.deepEqual(await refused(bytes, { signer: other }), ['reject', 'wrong_signer', signer]);
  assert.deepEqual(await refused(bytes, { signer: undefined }), ['ignore', 'no_signer', null]);
  assert.deepEqual(await refused(new Uint8Array(), {}), ['reject', 'snappy_header', null]);
  assert.deepEqual(await refused(bytes.subarray(0, -1), {}), ['reject', 'snappy_body', null]);
  let rejected = 0;
  for (let at = 0; at < bytes.length; at += 13) {
    const changed = Uint8Array.from(bytes);
    changed[at] ^= 1;
    const { verdict, block } = await verify(changed.buffer, options);
    rejected += verdict === 'reject' ? 1 : 0;
    // Another compression of the same message is the same message.
    assert.equal(block?.hash ?? null, verdict === 'accept' ? last.hash : null, `byte ${at}`);
  }
  assert.ok(rejected > bytes.length / 13 / 2);
});

test('each document of evidence gets the report of the index', async () => {
  const folder = new URL('evidence/', vectors);
  const { chain, signer, files } = await json(new URL('index.json', folder));
  assert.ok(files.length > 6);
  for (const { file, report } of files) {
    const bytes = await readFile(new URL(file, folder));
    assert.deepEqual(await judgeEvidence(bytes, { chain, signer }), report, file);
    assert.deepEqual(await judgeEvidence(bytes.toString(), { chain, signer }), report, file);
  }
  const good = await readFile(new URL('good.json', folder), 'utf8');
  assert.equal((await judgeEvidence(good, { chain: 8453, signer })).fault, 'other_chain');
  assert.equal((await judgeEvidence(good, { chain: { id: 10, name: 'as in viem' } })).fault, 'wrong_signer');
});

test('evidence that is too long is refused, and text that is no evidence', async () => {
  const { verdict, fault, detail } = await judgeEvidence(' '.repeat(48 * 2 ** 20 + 1), { chain: 10 });
  assert.deepEqual([verdict, fault, detail], ['reject', 'evidence_too_large', '50331649 bytes, evidence has at most 48 MiB']);
  for (const text of ['', '{}', '[]', 'null', '"petrel-equivocation"']) assert.equal((await judgeEvidence(text, { chain: 10 })).fault, 'bad_evidence');
});

test('a message of the greatest length is judged, and a longer one is an error', async () => {
  // Snappy: a length of 10 MiB, one zero byte, and copies of it.
  const wire = [0x80, 0x80, 0x80, 0x05, 0x00, 0x00];
  for (let left = 10 * 2 ** 20 - 1; left > 0; left -= Math.min(left, 64)) wire.push(((Math.min(left, 64) - 1) << 2) | 2, 1, 0);
  for (let round = 0; round < 3; round++) assert.equal((await verify(Uint8Array.from(wire), options)).fault, 'signature');
  const long = await failure(verify(new Uint8Array(16 * 2 ** 20 + 1), options));
  assert.equal(long.code, 'bad_options');
});

test('wrong options are errors with a code and a remedy', async () => {
  const bytes = await wire(last);
  const code = async (more) => (await failure(verify(bytes, { ...options, ...more }))).code;
  assert.equal(await code({ chain: 'op-manet' }), 'unknown_chain');
  for (const chain of [undefined, null, {}, { l2_chain_id: 10n }, true]) assert.equal(await code({ chain }), 'bad_chain', String(chain));
  for (const signer of ['0x12', 'me', 7]) assert.equal(await code({ signer }), 'bad_signer', String(signer));
  for (const wrong of [{ at: 'now' }, { at: NaN }, { at: -1 }, { version: 'V5' }, { topic: '/optimism/10/3/blocks' }, { singer: signer }, { wasm: 7 }]) {
    assert.equal(await code(wrong), 'bad_options', JSON.stringify(wrong));
  }
  assert.equal(await code({ topic: last.topic, version: 'V1' }), 'bad_options');
  assert.match((await failure(verify(bytes, { ...options, singer: signer }))).remedy, /give signer instead/);
  assert.equal((await failure(verify('bytes', options))).code, 'bad_options');
  assert.equal((await failure(verify(bytes))).code, 'bad_options');
  assert.equal((await failure(judgeEvidence({}, { chain: 10 }))).code, 'bad_options');
  assert.equal((await failure(judgeEvidence('{}', { chain: 10, at: 'block' }))).code, 'bad_options');
});

test("the README's example runs in an app that has installed the package", { timeout: 300_000 }, async (t) => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, code] = /^## Verify without a node\n[^]*?^```js\n([^]*?)^```$/m.exec(readme) ?? assert.fail('there is no example');
  const folder = await app(t);
  await writeFile(join(folder, 'example.js'), code);
  await cp(fileURLToPath(new URL(last.file, devnet)), join(folder, 'message.snappy'));
  await cp(fileURLToPath(new URL('rollup.json', devnet)), join(folder, 'rollup.json'));
  await cp(fileURLToPath(new URL('evidence/good.json', vectors)), join(folder, 'evidence.json'));
  const printed = (await output(folder, process.execPath, ['example.js'])).trim().split('\n');
  assert.deepEqual(printed, [`accept ${last.number} ${last.hash}`, 'reject wrong_signer']);
});
