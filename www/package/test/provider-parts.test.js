// The parts of the provider that need no node: parameters, filters, errors of RPCs.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const load = (name) => import(new URL(`page/provider/${name}.js`, packageDist));
const { blockId, quantity, slot } = await load('params');
const { logFilter, matches, wanted } = await load('logs');
const { BlockWindow } = await load('block-window');
const { FeeReader } = await load('fees');
const { ReceiptReader } = await load('receipts');
const { LieDetector } = await load('lie-detector');
const { PetrelError } = await import(new URL('page/index.js', packageDist));

const HASH = `0x${'ab'.repeat(32)}`;

/** Starts a JSON-RPC server; `answer` is given method and parameters, and returns `{ result }` or `{ error }`. */
async function rpc(t, answer) {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const { id, method, params } = JSON.parse(text);
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(await answer(method, params)) }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

test('a block is named as EIP-1898 says, and safe and finalized are refused with the reason', () => {
  assert.deepEqual(blockId('latest'), { head: true });
  assert.deepEqual(blockId('pending'), { head: true });
  assert.deepEqual(blockId(undefined), { head: true });
  assert.deepEqual(blockId('0x10'), { number: 16n });
  assert.deepEqual(blockId({ blockNumber: '0x1' }), { number: 1n });
  assert.deepEqual(blockId({ blockHash: HASH, requireCanonical: true }), { hash: HASH });
  for (const tag of ['safe', 'finalized']) assert.throws(() => blockId(tag), { code: 4200, message: /L1 has not confirmed/ });
  for (const wrong of ['0x', '16', '0x01', 16, {}, { blockHash: '0x12' }, { blockHash: HASH, blockNumber: '0x1' }, { number: 1 }, true]) {
    assert.throws(() => blockId(wrong), { code: -32602 }, JSON.stringify(wrong));
  }
});

test('quantities and slots are checked', () => {
  assert.equal(quantity('0xff', 'it'), 255n);
  for (const wrong of ['0x', '0x00', 'ff', 1, null, `0x${'1'.repeat(65)}`]) assert.throws(() => quantity(wrong, 'it'), { code: -32602 });
  assert.equal(slot('0x1'), `0x${'0'.repeat(63)}1`);
  assert.throws(() => slot(`0x${'1'.repeat(65)}`), { code: -32602 });
});

test('a filter matches as EIP-1474 says', () => {
  const [a, b] = [`0x${'a1'.repeat(20)}`, `0x${'b2'.repeat(20)}`];
  const [one, two] = [`0x${'01'.repeat(32)}`, `0x${'02'.repeat(32)}`];
  const log = { address: a, topics: [one, two], data: '0x' };
  for (const filter of [{}, { address: a }, { address: [b, a] }, { topics: [] }, { topics: [one] }, { topics: [null, two] }, { topics: [[two, one], [two]] }, { topics: [[], null] }]) {
    assert.ok(matches(log, logFilter(filter)), JSON.stringify(filter));
  }
  for (const filter of [{ address: b }, { topics: [two] }, { topics: [one, one] }, { topics: [one, two, null] }]) {
    assert.ok(!matches(log, logFilter(filter)), JSON.stringify(filter));
  }
  for (const wrong of [null, { adress: a }, { address: '0x12' }, { topics: 'all' }, { topics: Array(5).fill(null) }, { blockHash: HASH, fromBlock: '0x1' }]) {
    assert.throws(() => logFilter(wrong), { code: -32602 }, JSON.stringify(wrong));
  }
});

test('a filter wants one value of each position that it names', () => {
  const [a, one] = [`0x${'a1'.repeat(20)}`, `0x${'01'.repeat(32)}`];
  assert.deepEqual(wanted(logFilter({})), []);
  assert.deepEqual(wanted(logFilter({ address: a, topics: [null, [one], []] })), [[a], [one]]);
  assert.throws(() => logFilter({ topics: [Array(1001).fill(one)] }), { code: -32602 });
});

/** What a node answers that keeps blocks 10 to 500: `asked` has each call. */
function keeping(answers) {
  const asked = [];
  const block = (number) => ({
    number: `0x${number.toString(16)}`,
    hash: `0x${number.toString(16).padStart(64, '0')}`,
    baseFeePerGas: '0x7',
    gasUsed: '0x1',
    gasLimit: '0x4',
    ...(number > 490 ? { excessBlobGas: '0x0' } : {}),
    transactions: [],
    petrel: { nextBaseFee: number > 490 ? '0x8' : null },
  });
  const known = {
    block: (which) => JSON.stringify(block(which === 'latest' ? 500 : Number(which))),
    window: () => JSON.stringify({ from: 10, to: 500, blocks: 491, bytes: 1 }),
    ...answers,
  };
  const call = async (method, ...args) => {
    asked.push([method, ...args]);
    return known[method](...args);
  };
  return { asked, source: { call, signal: new AbortController().signal } };
}

test('which blocks of a range may have logs is one call of the node', async () => {
  const found = [12, 300].map((number) => ({ number: `0x${number.toString(16)}`, hash: `0x${String(number).padStart(64, '0')}` }));
  const { asked, source } = keeping({ matching: () => JSON.stringify(found) });
  const proven = [];
  const rpcs = { proven: async ({ block }) => (proven.push(block), []) };
  const reader = new ReceiptReader(source, rpcs, new BlockWindow(source));
  const address = `0x${'a1'.repeat(20)}`;
  assert.deepEqual(await reader.logs(logFilter({ fromBlock: '0xa', address })), []);
  assert.deepEqual(asked.filter(([method]) => method === 'matching'), [['matching', JSON.stringify({ from: 10, to: 500, any: [[address]] })]]);
  assert.ok(asked.length <= 3, JSON.stringify(asked));
  assert.deepEqual(proven, found.map(({ hash }) => hash));
  for (const [range, code] of [[{ fromBlock: '0x9' }, -32001], [{ fromBlock: '0x20', toBlock: '0x1f' }, -32602], [{ fromBlock: HASH }, 4200]]) {
    await assert.rejects(reader.logs(logFilter(range)), { code }, JSON.stringify(range));
  }
  assert.deepEqual(await reader.logs(logFilter({ fromBlock: '0xffff', toBlock: '0xfffff' })), []);
  assert.equal(asked.filter(([method]) => method === 'matching').length, 1);
});

test('a range with more blocks than may be proven is refused', async () => {
  const many = Array.from({ length: 201 }, (_, at) => ({ number: `0x${(at + 10).toString(16)}`, hash: HASH }));
  const { source } = keeping({ matching: () => JSON.stringify(many) });
  const reader = new ReceiptReader(source, {}, new BlockWindow(source));
  await assert.rejects(reader.logs(logFilter({ fromBlock: '0xa' })), { code: -32602, message: /201 blocks.*200/ });
});

test('the fee history has the next base fee of the node, and blobs that nobody uses', async () => {
  const { source } = keeping({});
  const fees = new FeeReader(new BlockWindow(source), {});
  assert.deepEqual(await fees.history('0x2', '0x1eb', []), {
    oldestBlock: '0x1ea',
    baseFeePerGas: ['0x7', '0x7', '0x8'],
    gasUsedRatio: [0.25, 0.25],
    baseFeePerBlobGas: ['0x0', '0x1', '0x1'],
    blobGasUsedRatio: [0, 0],
  });
  await assert.rejects(fees.history('0x1', '0x1ea', []), { code: 4200, message: /chain_op_config/ });
});

const refuse = () => Promise.reject(new PetrelError({ code: 'bad_proof', message: 'the root differs', remedy: 'none' }));

test('an answer that its proof does not fit is told with the evidence, and the next RPC is asked', async (t) => {
  const lies = [];
  const urls = [await rpc(t, () => ({ result: 'wrong' })), await rpc(t, () => ({ result: 'right' }))];
  const detector = new LieDetector(urls, new AbortController().signal, (lie) => lies.push(lie));
  const prove = (answer) => (answer === 'right' ? Promise.resolve(42) : refuse());
  assert.equal(await detector.proven({ method: 'eth_getProof', params: [1], block: HASH, prove }), 42);
  assert.equal(lies.length, 1);
  assert.deepEqual({ ...lies[0], rpc: 'it' }, { rpc: 'it', method: 'eth_getProof', params: [1], block: HASH, message: 'the root differs', answer: 'wrong' });
  assert.deepEqual(detector.counts.map(({ answers, lies, failures }) => [answers, lies, failures]), [[0, 1, 0], [1, 0, 0]]);
});

test('an RPC that is behind is asked again, and one that fails is no liar', async (t) => {
  let asked = 0;
  const slow = await rpc(t, () => ((asked += 1) < 3 ? { error: { code: -32000, message: 'header not found' } } : { result: 'right' }));
  const lies = [];
  const signal = new AbortController().signal;
  const detector = new LieDetector([slow], signal, (lie) => lies.push(lie));
  assert.equal(await detector.proven({ method: 'eth_getProof', params: [], block: HASH, prove: async (answer) => answer }), 'right');
  assert.equal(asked, 3);
  const broken = new LieDetector([await rpc(t, () => ({ error: { code: -32601, message: 'the method does not exist' } })), 'http://127.0.0.1:9/'], signal, (lie) => lies.push(lie));
  await assert.rejects(broken.proven({ method: 'eth_getProof', params: [], block: HASH, prove: refuse }), { code: -32002, message: /does not exist.*;/ });
  assert.deepEqual(lies, []);
});

test('without an RPC a proof is refused, and an end ends what waits', async (t) => {
  const none = new LieDetector([], new AbortController().signal, () => {});
  await assert.rejects(none.proven({ method: 'eth_getProof', params: [], block: HASH, prove: refuse }), { code: 4200, message: /proofs/ });
  const end = new AbortController();
  const hangs = new LieDetector([await rpc(t, () => new Promise(() => {}))], end.signal, () => {});
  const waiting = hangs.unproven('eth_call', []);
  setTimeout(() => end.abort(), 50);
  await assert.rejects(waiting, { name: 'AbortError' });
});
