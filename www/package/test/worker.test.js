// Workers that do not answer: a follower starts without them, ends, or says so. A browser tells a page nothing of a worker that it ended.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { FakeWorker, REPORT, turns } from './fake-worker.js';

const { createFollower, createPetrel } = await import(new URL('page/index.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];

/** Starts a follower with this worker; the timers for its answers are the test's own, from the time at which the worker is started. */
async function starting(t, fake, options = {}) {
  globalThis.Worker = FakeWorker;
  t.after(() => delete globalThis.Worker);
  t.mock.timers.enable({ apis: ['setInterval'] });
  let follower;
  await new Promise((made) => {
    const worker = () => (made(), fake);
    follower = createFollower({ chain: 'op-mainnet', relays, store: null, worker, ...options });
  });
  await turns();
  return { follower };
}

/** The time passes as it does for a page: a second, then what happens in it. */
async function pass(t, seconds) {
  for (let second = 0; second < seconds; second += 1) {
    t.mock.timers.tick(1_000);
    await turns();
  }
}

test('where the script of a worker never answers, the node runs on the calling thread', { timeout: 60_000 }, async (t) => {
  const silent = new FakeWorker(false);
  const { follower } = await starting(t, silent);
  await pass(t, 25);
  const node = await follower;
  const { thread, threadReason } = await node.status();
  assert.equal(thread, 'page');
  assert.match(threadReason, /does not answer/);
  assert.ok(silent.terminated);
  await node.stop();
});

test('a worker that is ready and never starts the node is an error', { timeout: 60_000 }, async (t) => {
  const silent = new FakeWorker(true);
  const { follower } = await starting(t, silent);
  const rejected = assert.rejects(follower, { code: 'no_answer' });
  await pass(t, 25);
  await rejected;
  assert.ok(silent.terminated);
  assert.ok(silent.sent.some(({ type }) => type === 'ping'), 'it was asked');
});

test('one that is slow and answers is waited for', { timeout: 60_000 }, async (t) => {
  const slow = new FakeWorker(true, () => [], true);
  const { follower } = await starting(t, slow);
  await pass(t, 100);
  assert.ok(!slow.terminated);
  slow.post({ type: 'started', report: REPORT });
  const node = await follower;
  assert.equal((await Promise.race([node.status(), turns().then(() => 'pending')])), 'pending');
  await node.stop();
});

test('messages of a node say as well as an answer that its worker lives', { timeout: 60_000 }, async (t) => {
  const busy = new FakeWorker(true, ({ type }) => (type === 'start' ? [{ type: 'started', report: REPORT }] : []));
  const { follower } = await starting(t, busy);
  const node = await follower;
  for (let second = 0; second < 50; second += 1) {
    busy.post({ type: 'event', event: { event: 'topic_left', peer: 'a', version: 'V4' }, dropped: 0 });
    await pass(t, 1);
  }
  assert.ok(!busy.terminated);
  await node.stop();
});

test('an abort ends the start of a follower whose worker does not answer', { timeout: 60_000 }, async (t) => {
  for (const isReady of [false, true]) {
    const controller = new AbortController();
    const silent = new FakeWorker(isReady);
    const { follower } = await starting(t, silent, { signal: controller.signal });
    const reason = new Error('enough');
    const rejected = assert.rejects(follower, (thrown) => thrown === reason);
    controller.abort(reason);
    await rejected;
    assert.ok(silent.terminated, `ready: ${isReady}`);
    t.mock.timers.reset();
  }
});

test('a worker that ends rejects the status and the streams, and the follower has failed', { timeout: 60_000 }, async (t) => {
  const dying = new FakeWorker(true, ({ type }) => (type === 'start' ? [{ type: 'started', report: REPORT }] : []));
  const { follower } = await starting(t, dying);
  const node = await follower;
  const rejected = [assert.rejects(node.status(), { code: 'no_answer' }), assert.rejects(node.blocks().next(), { code: 'no_answer' })];
  await pass(t, 25);
  await Promise.all(rejected);
  const { state, reason } = await node.status();
  assert.equal(state, 'failed');
  assert.match(reason, /has not answered/);
});

test('one worker has a port for each chain, and a silent one ends them all', { timeout: 60_000 }, async (t) => {
  globalThis.Worker = FakeWorker;
  t.after(() => delete globalThis.Worker);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const ids = [10, 8453];
  let made = 0;
  const fake = new FakeWorker(true, ({ type }, at) => (type === 'start' ? [{ type: 'started', report: { ...REPORT, chain: { id: ids[at], name: 'a chain' } } }] : []));
  const petrel = await createPetrel({ chains: ids, relays, store: null, worker: () => ((made += 1), fake) });
  assert.deepEqual([made, fake.ports.length], [1, 2]);
  const rejected = petrel.chains.flatMap((chain) => [
    assert.rejects(chain.nextBlock(), { code: 'no_answer' }),
    assert.rejects(chain.block('latest'), { code: 'no_answer' }),
  ]);
  await pass(t, 25);
  await Promise.all(rejected);
  assert.ok(fake.terminated);
  assert.deepEqual((await petrel.status()).map(({ state }) => state), ['failed', 'failed']);
});

test('a chain that stops leaves the others, and the worker ends with the last', { timeout: 60_000 }, async (t) => {
  globalThis.Worker = FakeWorker;
  t.after(() => delete globalThis.Worker);
  const answer = ({ type }, at) => {
    if (type === 'start') return [{ type: 'started', report: { ...REPORT, chain: { id: [10, 8453][at], name: 'a chain' } } }];
    return type === 'stop' ? [{ type: 'stopped', report: null }] : [];
  };
  const fake = new FakeWorker(true, answer, true);
  const petrel = await createPetrel({ chains: [10, 8453], relays, store: null, worker: () => fake });
  await petrel.chain(10).stop();
  assert.ok(!fake.terminated);
  await assert.rejects(petrel.chain(10).block('latest'), { code: 'stopped' });
  const next = petrel.chain(8453).nextBlock();
  fake.post({ type: 'event', event: { event: 'block', number: 7 }, dropped: 0 }, 1);
  assert.equal((await next).number, 7);
  await petrel.stop();
  assert.ok(fake.terminated);
});

test('what happens while the chains start is heard by who listens at once', { timeout: 60_000 }, async (t) => {
  globalThis.Worker = FakeWorker;
  t.after(() => delete globalThis.Worker);
  const started = (at) => ({ type: 'started', report: { ...REPORT, chain: { id: [10, 8453][at], name: 'a chain' } } });
  const fake = new FakeWorker(true, ({ type }, at) => (type === 'start' && at === 0 ? [started(0)] : type === 'stop' ? [{ type: 'stopped', report: null }] : []), true);
  const creating = createPetrel({ chains: [10, 8453], relays, store: null, worker: () => fake });
  while (fake.ports.length < 2) await turns();
  await turns();
  fake.post({ type: 'event', event: { event: 'head', number: 5, why: 'anchored' }, dropped: 0 }, 0);
  await turns();
  assert.ok(!fake.sent.some(({ type }) => type === 'ack'), 'the worker keeps within its window');
  fake.post(started(1), 1);
  const petrel = await creating;
  const numbers = [];
  petrel.chain(10).on('head', ({ number }) => numbers.push(number));
  const stream = petrel.chain(10).events();
  assert.equal((await stream.next()).value.number, 5);
  assert.deepEqual([numbers, petrel.chain(10).head.number], [[5], 5]);
  await petrel.stop();
});

test('a node that is started again goes on from the blocks that the page knows, with the requests that have no answer', async () => {
  globalThis.Worker = FakeWorker;
  const blocks = [];
  const answer = ({ type }) => (type === 'start' ? [{ type: 'started', report: REPORT }] : type === 'stop' ? [{ type: 'stopped', report: null }] : []);
  const fake = new FakeWorker(true, answer, true);
  const petrel = await createPetrel({ chains: [10], relays, store: null, worker: () => fake });
  delete globalThis.Worker;
  const [chain] = petrel.chains;
  chain.on('head', ({ number }) => blocks.push(`head ${number}`));
  chain.on('block', ({ number }) => blocks.push(`block ${number}`));
  await turns();
  const tell = (number, dropped, why = 'extended') => {
    const hash = `0x${number}`;
    fake.post({ type: 'event', event: { event: 'block', number, hash }, dropped });
    fake.post({ type: 'event', event: { event: 'head', number, hash, parent: '0x', timestamp: number, timestampMs: number * 1000, why }, dropped });
  };
  tell(1, 0);
  tell(2, 3);
  const asked = chain.block(7);
  await turns();
  fake.post({ type: 'restart' });
  await turns();
  const starts = fake.sent.filter(({ type }) => type === 'start');
  assert.deepEqual(starts.map(({ since }) => since), [null, { number: 2, hash: '0x2' }]);
  assert.deepEqual(JSON.parse(starts[1].config).restored.map(({ number }) => number), [1, 2]);
  const calls = fake.sent.filter(({ type }) => type === 'call');
  assert.deepEqual([calls.length, calls[0].id], [2, calls[1].id]);
  fake.post({ type: 'returned', id: calls[1].id, value: undefined });
  assert.equal(await asked, null);
  // The other node was one block behind, and counts what it drops from nothing.
  const stream = chain.blocks();
  for (const number of [2, 3]) tell(number, 0);
  await turns();
  assert.deepEqual(blocks, ['block 1', 'head 1', 'block 2', 'head 2', 'block 3', 'head 3']);
  assert.equal(stream.missed, 0);
  tell(3, 0, 'reorged');
  await turns();
  assert.equal(blocks.at(-1), 'head 3', 'after a reorg a block may be the head again');
  assert.equal(blocks.length, 7);
  await petrel.stop();
});

test('a worker ends while the browser keeps the page, and another one goes on when it comes back', async (t) => {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.removeEventListener = page.removeEventListener.bind(page);
  globalThis.Worker = FakeWorker;
  t.after(() => (delete globalThis.addEventListener, delete globalThis.removeEventListener, delete globalThis.Worker));
  const answer = ({ type }) => (type === 'start' ? [{ type: 'started', report: REPORT }] : type === 'stop' ? [{ type: 'stopped', report: null }] : []);
  const workers = [];
  const worker = () => (workers.push(new FakeWorker(true, answer, true)), workers.at(-1));
  const petrel = await createPetrel({ chains: [10], relays, store: null, worker });
  page.dispatchEvent(new Event('pagehide'));
  assert.ok(workers[0].terminated);
  page.dispatchEvent(new Event('pageshow'));
  await turns();
  assert.equal(workers.length, 2);
  assert.deepEqual(workers[1].sent.map(({ type }) => type), ['open', 'start']);
  const next = petrel.chains[0].nextBlock();
  workers[1].post({ type: 'event', event: { event: 'block', number: 7, hash: '0x7' }, dropped: 0 });
  assert.equal((await next).number, 7);
  await petrel.stop();
  assert.ok(workers[1].terminated);
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(workers.length, 2);
});
