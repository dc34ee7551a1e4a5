// Workers that do not answer: a follower starts without them, ends, or says so. A browser tells a page nothing of a worker that it ended.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { createFollower } = await import(new URL('page/index.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];
const REPORT = { state: 'live', reason: null, peers: [] };

/** A worker that answers by `answer` alone: messages for each message that it gets, and first `ready` if `isReady`. */
class FakeWorker {
  sent = [];
  terminated = false;
  onmessage = null;

  constructor(isReady, answer = () => []) {
    this.answer = answer;
    if (isReady) setImmediate(() => this.post({ type: 'ready' }));
  }

  post(data) {
    this.onmessage?.({ data });
  }

  postMessage(message) {
    this.sent.push(message);
    for (const answer of this.answer(message)) queueMicrotask(() => this.post(answer));
  }

  terminate() {
    this.terminated = true;
  }
}

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

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

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
  const slow = new FakeWorker(true, ({ type }) => (type === 'ping' ? [{ type: 'pong' }] : []));
  const { follower } = await starting(t, slow);
  await pass(t, 100);
  assert.ok(!slow.terminated);
  slow.post({ type: 'started', report: REPORT });
  const node = await follower;
  assert.equal((await Promise.race([node.status(), turns().then(() => 'pending')])), 'pending');
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
