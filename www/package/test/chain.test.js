// A chain's handle: heads, listeners, blocks and transactions. Its node is a script of the test, in the place of the worker's, because a
// reorg must come at a given moment.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { FakeWorker, REPORT, turns } from './fake-worker.js';

const { createPetrel, PetrelError } = await import(new URL('page/index.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];
const hash = (number, branch = 'a') => `0x${branch.repeat(32)}${String(number).padStart(32, '0')}`;
const TX = `0x${'7'.repeat(64)}`;
const RAW = '0x02c0ffee';

/** A chain of the test: `head` moves it, `reorg` replaces blocks, and its node answers what is asked of it. */
async function scripted(t, options = {}) {
  globalThis.Worker = FakeWorker;
  t.after(() => delete globalThis.Worker);
  const script = { blocks: new Map(), places: new Map(), asked: [], thrown: undefined };
  const answers = {
    transaction: (tx) => {
      const block = [...script.blocks.values()].find(({ number, hash }) => script.places.get(tx) === hash && script.numbered?.get(number) === hash);
      return block && JSON.stringify({ hash: tx, blockHash: block.hash, blockNumber: `0x${block.number.toString(16)}`, transactionIndex: '0x1' });
    },
    block: (which) => {
      const block = script.blocks.get(which);
      return block && JSON.stringify({ petrel: { canonical: script.numbered.get(block.number) === which } });
    },
    hashOf: () => TX,
  };
  script.numbered = new Map();
  const answer = ({ type, id, method, args }) => {
    if (type === 'start') return [{ type: 'started', report: REPORT }];
    if (type === 'stop') return [{ type: 'stopped', report: REPORT }];
    if (type === 'report') return [{ type: 'report', id, report: REPORT }];
    if (type !== 'call') return [];
    script.asked.push(method);
    if (script.thrown) return [{ type: 'threw', id, error: script.thrown }];
    return [{ type: 'returned', id, value: answers[method](...args) }];
  };
  const fake = new FakeWorker(true, answer, true);
  const petrel = await createPetrel({ chains: [10], relays, store: null, worker: () => fake, ...options });
  t.after(() => petrel.stop());
  const emit = (event) => fake.post({ type: 'event', event, dropped: 0 });
  const head = (number, branch = 'a', why = 'extended') => {
    const block = { number, hash: hash(number, branch), parent: hash(number - 1, branch), timestamp: number * 2, timestampMs: number * 2000 };
    script.blocks.set(block.hash, block);
    script.numbered.set(number, block.hash);
    emit({ event: 'block', ...block, signer: null });
    emit({ event: 'head', ...block, why });
  };
  const reorg = (from, to, branch) => {
    for (let number = from; number <= to; number += 1) script.numbered.delete(number);
    head(from, branch, 'reorged');
    emit({ event: 'reorg', from, to, depth: to - from + 1, hashes: [] });
  };
  return { petrel, chain: petrel.chain(10), fake, script, emit, head, reorg };
}

test('the head is there synchronously, and listeners hear each kind', async (t) => {
  const { chain, head, reorg } = await scripted(t);
  assert.equal(chain.head, null);
  const heard = [];
  const note = (kind) => (value) => heard.push([kind, value.number ?? value.from, value.event]);
  const remove = ['head', 'block', 'reorg'].map((kind) => chain.on(kind, note(kind)));
  head(5);
  await turns();
  assert.deepEqual(chain.head, { number: 5, hash: hash(5), parent: hash(4), timestamp: 10, timestampMs: 10_000, why: 'extended' });
  assert.deepEqual(heard, [['block', 5, undefined], ['head', 5, undefined]]);
  reorg(5, 5, 'b');
  await turns();
  assert.deepEqual(heard.slice(2).map(([kind]) => kind), ['block', 'head', 'reorg']);
  assert.equal(chain.head.hash, hash(5, 'b'));
  remove.forEach((each) => each());
  head(6, 'b');
  await turns();
  assert.equal(heard.length, 5);
  assert.equal(chain.head.number, 6);
});

test('a listener that throws disturbs nobody, and the logger gets the error', async (t) => {
  const logged = [];
  const write = (level) => (message, fields) => logged.push([level, message, fields]);
  const { chain, head } = await scripted(t, { logger: { error: write('error'), info: write('info'), debug: () => assert.fail('thrown by a logger') } });
  const numbers = [];
  chain.on('head', () => {
    throw new Error('broken');
  });
  chain.on('head', ({ number }) => numbers.push(number));
  head(5);
  await turns();
  assert.deepEqual(numbers, [5]);
  const [[level, message, fields]] = logged.filter(([level]) => level === 'error');
  assert.deepEqual([level, message, fields.chain, fields.error.message], ['error', 'a listener failed', 10, 'broken']);
  assert.deepEqual(logged.find(([level]) => level === 'info'), ['info', 'started', { chain: 10, thread: 'worker' }]);
});

test('a signal, a stop, and the answer remove every listener', async (t) => {
  const { chain, petrel, head } = await scripted(t);
  const { signal } = new AbortController();
  const waits = Array.from({ length: 50 }, () => [chain.nextBlock({ signal }), chain.waitForTransaction(TX, { signal })]);
  chain.on('head', () => {}, { signal });
  const ended = new AbortController();
  const [block, transaction] = [chain.nextBlock({ signal: ended.signal }), chain.waitForTransaction(TX, { signal: ended.signal })];
  const rejected = [assert.rejects(block, /enough/), assert.rejects(transaction, /enough/)];
  await turns();
  assert.equal(getEventListeners(signal, 'abort').length, 1, 'one for all: Node warns of more than ten');
  ended.abort(new Error('enough'));
  await Promise.all(rejected);
  assert.equal(getEventListeners(ended.signal, 'abort').length, 0);
  head(5);
  for (const [next] of waits) assert.equal((await next).number, 5);
  const stopped = waits.map(([, wait]) => assert.rejects(wait, { code: 'stopped' }));
  await petrel.stop();
  await Promise.all(stopped);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('after the end what is asked is a typed error, streams are empty, and a listener is never called', async (t) => {
  const { chain, petrel } = await scripted(t);
  const [block, next, status] = [chain.block('latest'), chain.nextBlock(), chain.status()];
  const failed = assert.rejects(next, (thrown) => thrown instanceof PetrelError && thrown.code === 'stopped' && thrown.remedy.length > 3);
  assert.equal(await block, null);
  assert.equal((await status).state, 'live');
  await petrel.stop();
  await failed;
  for (const ask of [() => chain.block(5), () => chain.nextBlock(), () => chain.waitForTransaction(TX), () => chain.sendRawTransaction(RAW, { rpc: 'http://127.0.0.1:9' })]) {
    await assert.rejects(ask(), { code: 'stopped' });
  }
  assert.deepEqual(await chain.blocks().next(), { value: undefined, done: true });
  assert.deepEqual(await chain.watchTransaction(TX).next(), { value: undefined, done: true });
  chain.on('head', () => assert.fail('called'))();
  assert.equal((await chain.status()).state, 'stopped');
});

test('arguments that do not parse are typed errors', async (t) => {
  const { chain, script } = await scripted(t);
  for (const which of ['pending', '5', -1, 0.5, NaN, 2 ** 60, -1n, 2n ** 64n, '0x12', `${TX}00`, null, undefined, {}, 'x'.repeat(10_000)]) {
    await assert.rejects(chain.block(which), (thrown) => thrown.code === 'bad_request' && thrown.message.length < 200, String(which));
  }
  for (const wrong of ['0x12', null, 7]) {
    await assert.rejects(chain.waitForTransaction(wrong), { code: 'bad_request' });
    assert.throws(() => chain.watchTransaction(wrong), { code: 'bad_request' });
  }
  for (const raw of ['0x', '0x1', 'c0ffee', new Uint8Array(3)]) await assert.rejects(chain.sendRawTransaction(raw), { code: 'bad_request' });
  assert.throws(() => chain.on('heads', () => {}), { code: 'bad_request', remedy: /give 'head' instead/ });
  assert.throws(() => chain.on('head'), { code: 'bad_request' });
  await assert.rejects(chain.block(5, { transaction: 'raw' }), { code: 'bad_options', remedy: /give transactions instead/ });
  await assert.rejects(chain.block(5, { transactions: 'all' }), { code: 'bad_options' });
  await assert.rejects(chain.waitForTransaction(TX, { confirmations: -1 }), { code: 'bad_options' });
  await assert.rejects(chain.nextBlock({ signal: 7 }), { code: 'bad_options' });
  await assert.rejects(chain.sendRawTransaction(RAW, { rpc: 'ftp://127.0.0.1' }), { code: 'bad_options' });
  assert.deepEqual(script.asked, [], 'the node was not asked');
});

test("the node's error is the caller's, and the chain goes on", async (t) => {
  const { chain, script } = await scripted(t);
  script.thrown = { code: 'bad_request', message: 'no such thing', remedy: 'none' };
  await assert.rejects(chain.block(5), (thrown) => thrown instanceof PetrelError && thrown.code === 'bad_request' && thrown.remedy === 'none');
  script.thrown = undefined;
  assert.equal(await chain.block(5), null);
});

test('a transaction that is in the chain, or comes, is found; confirmations are the blocks on it', async (t) => {
  const { chain, script, head } = await scripted(t);
  head(5);
  script.places.set(TX, hash(6));
  const [first, third] = [chain.waitForTransaction(TX), chain.waitForTransaction(TX, { confirmations: 2 })];
  await turns();
  head(6);
  assert.deepEqual(await first, { hash: TX, block: { number: 6, hash: hash(6) }, index: 1, confirmations: 0, state: 'signed' });
  head(7);
  await turns();
  const asked = script.asked.length;
  head(8);
  assert.equal((await third).confirmations, 2);
  assert.equal(script.asked.length, asked, 'what was found is not asked for again');
  assert.equal((await chain.waitForTransaction(TX.toUpperCase().replace('0X', '0x'))).confirmations, 2);
});

test('when its block is replaced the wait goes on, until the transaction has come again', async (t) => {
  const { chain, script, head, reorg } = await scripted(t);
  script.places.set(TX, hash(6));
  head(6);
  let result;
  const wait = chain.waitForTransaction(TX, { confirmations: 1 }).then((inclusion) => (result = inclusion));
  await turns();
  reorg(6, 6, 'b');
  await turns();
  head(7, 'b');
  head(8, 'b');
  await turns();
  assert.equal(result, undefined, 'it is in no block');
  script.places.set(TX, hash(9, 'b'));
  head(9, 'b');
  head(10, 'b');
  await wait;
  assert.deepEqual([result.block.hash, result.confirmations], [hash(9, 'b'), 1]);
});

test('watching says signed, reorged, and signed again, also to a reader that comes late', async (t) => {
  const { chain, script, head, reorg } = await scripted(t);
  script.places.set(TX, hash(6));
  const watch = chain.watchTransaction(TX);
  const signed = watch.next();
  head(6);
  assert.deepEqual((await signed).value, { state: 'signed', block: { number: 6, hash: hash(6) }, index: 1 });
  head(7);
  reorg(6, 7, 'b');
  script.places.set(TX, hash(7, 'b'));
  head(7, 'b');
  await turns();
  assert.deepEqual((await watch.next()).value, { state: 'reorged', block: { number: 6, hash: hash(6) }, index: 1 });
  assert.deepEqual((await watch.next()).value, { state: 'signed', block: { number: 7, hash: hash(7, 'b') }, index: 1 });
  const controller = new AbortController();
  const other = chain.watchTransaction(`0x${'8'.repeat(64)}`, { signal: controller.signal });
  const never = other.next();
  await turns();
  controller.abort();
  assert.deepEqual(await never, { value: undefined, done: true });
  await watch.return();
});

test('a transaction whose block has left the window is in the chain as before', async (t) => {
  const { chain, script, head, reorg } = await scripted(t);
  script.places.set(TX, hash(6));
  head(6);
  const wait = chain.waitForTransaction(TX, { confirmations: 3 });
  await turns();
  script.blocks.delete(hash(6));
  head(7);
  head(8);
  reorg(8, 8, 'b');
  head(9, 'b');
  assert.deepEqual((await wait).block, { number: 6, hash: hash(6) });
});

/** A JSON-RPC server that answers by `answer`; its URL, and what it was asked. */
async function rpcServer(t, answer) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(JSON.parse(body));
    const { status = 200, text, ...fields } = answer(asked.at(-1));
    response.writeHead(status).end(text ?? JSON.stringify({ jsonrpc: '2.0', id: 1, ...fields }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}/key`, asked };
}

test('a transaction is sent to the first of proofs, and known by gossip', async (t) => {
  const { url, asked } = await rpcServer(t, () => ({ result: TX }));
  const { chain, script, head } = await scripted(t, { proofs: [url, 'http://127.0.0.1:9/'] });
  head(5);
  let result;
  const sent = chain.sendRawTransaction(RAW).then((inclusion) => (result = inclusion));
  while (asked.length === 0) await turns();
  assert.deepEqual([asked[0].method, asked[0].params], ['eth_sendRawTransaction', [RAW]]);
  await turns();
  assert.equal(result, undefined, 'the answer of the RPC proves nothing');
  script.places.set(TX, hash(6));
  head(6);
  await sent;
  assert.deepEqual([result.hash, result.block.number, result.state], [TX, 6, 'signed']);
});

test('each way in which sending fails has its code, and no secret of the URL is in the message', async (t) => {
  const { chain, script, head } = await scripted(t);
  const { url } = await rpcServer(t, ({ params: [raw] }) => RESPONSES[Number(raw.slice(-2))]);
  const RESPONSES = [
    { error: { code: -32000, message: 'nonce too low' } },
    { status: 502, text: '<html>' },
    { text: '{}' },
    { result: `0x${'1'.repeat(64)}` },
    { error: { code: -32000, message: 'already known' } },
    { status: 400, error: { code: -32000, message: 'nonce too low' } },
  ];
  const fails = async (at, code) => {
    const error = await chain.sendRawTransaction(`0x0${at}`, { rpc: url }).then(() => assert.fail('it was sent'), (thrown) => thrown);
    assert.ok(error instanceof PetrelError, String(error));
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message, /key/);
    return error;
  };
  assert.deepEqual((await fails(0, 'rpc_error')).cause, { code: -32000, message: 'nonce too low' });
  assert.match((await fails(1, 'rpc_failed')).message, /status 502/);
  await fails(2, 'rpc_failed');
  await fails(3, 'rpc_wrong');
  await assert.rejects(chain.sendRawTransaction('0x01', { rpc: 'http://127.0.0.1:9/' }), { code: 'rpc_failed' });
  await assert.rejects(chain.sendRawTransaction('0x01'), { code: 'no_rpc' });
  await assert.rejects(chain.sendRawTransaction('0x01', { rpc: { request: () => Promise.reject(new Error('locked')) } }), { code: 'rpc_error', message: /locked/ });
  const known = chain.sendRawTransaction('0x04', { rpc: url });
  await turns();
  script.places.set(TX, hash(5));
  head(5);
  assert.equal((await known).index, 1, 'an RPC that has it already has taken it');
  assert.equal((await chain.sendRawTransaction('0x05', { rpc: url })).block.number, 5, 'it is in a block');
  const { signal } = new AbortController();
  assert.equal((await chain.sendRawTransaction('0x09', { rpc: { request: async () => TX }, signal })).index, 1);
  const ended = AbortSignal.timeout(20);
  await assert.rejects(chain.sendRawTransaction('0x09', { rpc: { request: () => new Promise(() => {}) }, signal: ended }), (thrown) => thrown === ended.reason);
});
