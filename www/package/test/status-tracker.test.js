// The status of a follower: each state and its reason.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { StatusTracker } = await import(new URL('worker/status-tracker.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
const NODE = {
  chain: 10,
  name: 'op-mainnet',
  intervalMs: 2000,
  fork: 'jovian',
  scheduleMismatch: null,
  signer: null,
  head: null,
  gap: null,
  peers: [],
  accepted: 0,
  faults: {},
  offsetMs: null,
  clockSkew: false,
  sequencerSkew: false,
  signerMismatch: null,
  peer: PEER,
  transportBytes: { ws: { in: 5, out: 4 } },
  protocolBytes: { meshsub: { in: 3, out: 2 } },
};
const CONNECTED = { ...NODE, peers: [{ peer: PEER, address: '/ip4/1.2.3.4/tcp/1/ws', transport: 'ws', agent: null }] };
const connected = { event: 'connected', peer: PEER, address: '', transport: 'ws' };
const block = (delayMs) => ({ event: 'block', delayMs });

function after(events) {
  const tracker = new StatusTracker();
  for (const [event, at] of events) tracker.track(event, at);
  return tracker;
}

test('without a connection: why, and when the next dial is', () => {
  assert.deepEqual(stateOf(after([]).report(NODE, 0)), ['connecting', 'connecting to the relay']);
  const failed = { event: 'dial_failed', peer: PEER, error: 'refused', retryMs: 3_000 };
  const tracker = after([[failed, 1_000]]);
  assert.match(stateOf(tracker.report(NODE, 2_000))[1], /trying again in 2 s: refused/);
  assert.match(stateOf(tracker.report(NODE, 9_000))[1], /trying again now/);
  const left = after([[connected, 0], [{ event: 'disconnected', peer: PEER, reason: 'closed' }, 1]]);
  assert.match(stateOf(left.report(NODE, 2))[1], /the relay disconnected \(closed\)/);
});

test('without a relay of this chain the reason says so', () => {
  const added = (...states) => ({ relaysMs: null, correctedMs: 0, moduleBytes: 0, relays: states.map((state) => ({ relay: '', peer: null, state, error: null })) });
  const reason = (...states) => stateOf(after([]).report(NODE, 0, added(...states)))[1];
  assert.match(reason('other_chain', 'other_chain'), /none of the relays that are given/);
  assert.equal(reason('other_chain', 'waiting'), 'connecting to the relay');
});

test('blocks make it live; it stalls after four block times without one, at least six seconds', () => {
  const node = { ...CONNECTED, accepted: 1 };
  const tracker = after([[connected, 0], [block(200), 1_000]]);
  assert.deepEqual(stateOf(tracker.report(node, 9_000)), ['live', null]);
  const [state, reason] = stateOf(tracker.report(node, 9_001));
  assert.equal(state, 'stalled');
  assert.match(reason, /no new block for 8 s/);
  const quick = { ...node, intervalMs: 200 };
  assert.equal(stateOf(tracker.report(quick, 7_000))[0], 'live');
  assert.equal(stateOf(tracker.report(quick, 7_001))[0], 'stalled');
});

test('while blocks below the newest are fetched it is catching up, and the status says how far', () => {
  const gap = (state) => ({ event: 'gap', from: 5, to: 70, state });
  const node = { ...CONNECTED, accepted: 1, gap: [5, 70] };
  const tracker = after([[connected, 0], [block(200), 1_000], [gap('opened'), 1_000]]);
  assert.deepEqual(stateOf(tracker.report(node, 1_999)), ['live', null], 'gossip may come in another order');
  assert.equal(tracker.report(node, 1_999).catchingUp, null);
  const report = tracker.report(node, 2_000);
  assert.deepEqual([report.state, report.catchingUp], ['catching_up', { from: 5, to: 70, done: 0, blocksPerSec: 0 }]);
  tracker.track({ event: 'synced', from: 5, to: 70, done: 12, blocksPerSec: 30, bytesPerSec: 1 }, 2_500);
  assert.deepEqual(tracker.report(node, 2_500).catchingUp, { from: 5, to: 70, done: 12, blocksPerSec: 30 });
  assert.equal(tracker.report(node, 2_500).reason, 'fetching the blocks 5 to 70, which were missed: 12 of 66 so far, 30.0 a second');
  assert.equal(stateOf(tracker.report(node, 10_000))[0], 'stalled', 'nothing arrives');
  tracker.track(block(100), 10_000);
  tracker.track(gap('closed'), 10_000);
  assert.deepEqual(stateOf(tracker.report({ ...node, gap: null }, 10_000)), ['live', null]);
  assert.equal(tracker.report({ ...node, gap: null }, 10_000).catchingUp, null);
});

test('the reason names a relay of another chain, and one whose messages are rejected', () => {
  assert.equal(stateOf(after([[connected, 0]]).report(CONNECTED, 5_000))[1], 'connected, waiting for the next block');
  assert.match(stateOf(after([[connected, 0]]).report(CONNECTED, 7_000))[1], /joined no topic of this chain/);
  const joined = { event: 'topic_joined', peer: PEER, version: 'V4' };
  assert.doesNotMatch(stateOf(after([[connected, 0], [joined, 1]]).report(CONNECTED, 7_000))[1], /joined no topic/);
  const rejected = { event: 'rejected', peer: PEER, version: 'V4', fault: 'wrong_signer', detail: 'signed by another' };
  const report = after([[connected, 0], [joined, 1], [rejected, 2]]).report(CONNECTED, 100);
  assert.match(report.reason, /rejected: signed by another/);
  assert.equal(report.rejected, 1);
});

test('the byte counts are those of the node', () => {
  const { traffic } = after([]).report(NODE, 0);
  assert.deepEqual(traffic, { transports: { ws: { in: 5, out: 4 } }, protocols: { meshsub: { in: 3, out: 2 } } });
});

test('the reason is that the signer was not read from L1, and why', () => {
  const source = (error) => ({ relaysMs: null, correctedMs: 0, moduleBytes: 0, relays: [], signerSource: { from: 'l1', error } });
  const reason = (node, error) => after([[connected, 0]]).report(node, 0, source(error)).reason;
  assert.equal(reason(CONNECTED, null), 'no block is accepted before the signer was read from L1');
  assert.match(reason(CONNECTED, 'https://l1.example: busy'), /which fails: https:\/\/l1\.example: busy$/);
  assert.equal(reason({ ...CONNECTED, signer: '0xabc' }, 'busy'), 'connected, waiting for the next block');
});

test("the reason is the signer mismatch before any other", () => {
  const mismatch = { ...CONNECTED, signerMismatch: '0xabc' };
  assert.match(stateOf(after([[connected, 0]]).report(mismatch, 100))[1], /another signer, 0xabc/);
});

test('the clock: no warning while network delay explains the offset, a warning beyond', () => {
  const node = { ...CONNECTED, accepted: 3 };
  const clock = (delays, given = node) => after(delays.map((delay) => [block(delay), 0])).report(given, 0).clock;
  assert.deepEqual(clock([100, 300, 200]), { offsetMs: 200, warning: null, sequencerWrong: false, relaysMs: null, correctedMs: 0 });
  assert.match(clock([-2_000]).warning, /2\.0 s before their time: this device's clock is behind/);
  assert.match(clock([12_000]).warning, /12 s after their time/);
  assert.equal(clock([12_000, 100, 100]).warning, null, 'one late block gives no warning');
  assert.match(clock([], { ...node, offsetMs: -90_000 }).warning, /90 s before/);
  assert.match(clock([100], { ...node, clockSkew: true }).warning, /clock/);
});

test("when the relays' time agrees with this device's, the sequencer's clock is wrong", () => {
  const skewed = (offsetMs) => after([[connected, 0]]).report({ ...CONNECTED, offsetMs, sequencerSkew: true }, 0);
  assert.match(skewed(90_000).clock.warning, /90 s after their time: the sequencer's clock is behind; this device's agrees/);
  assert.match(skewed(-90_000).reason, /90 s before their time: the sequencer's clock is ahead/);
  assert.ok(skewed(1).clock.sequencerWrong);
});

test('the clock offset is the median of ten seconds of blocks, however many they are', () => {
  const node = { ...CONNECTED, accepted: 3, intervalMs: 200 };
  const report = (delays) => after(delays.map((delay, at) => [block(delay), at * 200])).report(node, delays.length * 200).clock;
  assert.equal(report([...Array(60).fill(100), ...Array(20).fill(8_000)]).offsetMs, 100, 'four seconds of late blocks do not change the median');
  assert.equal(report([...Array(60).fill(100), ...Array(40).fill(8_000)]).offsetMs, 8_000);
});

test('the chain: its interval, its fork, the fork that its schedule lacks, reorgs', () => {
  const reorg = { event: 'reorg', from: 5, to: 7, depth: 3, hashes: [] };
  const node = { ...NODE, intervalMs: 200, fork: 'cobalt', scheduleMismatch: 'denim' };
  const report = after([[reorg, 0], [reorg, 1]]).report(node, 2);
  assert.deepEqual(report.chain, { id: 10, name: 'op-mainnet', blockTime: 0.2, intervalMs: 200, fork: 'cobalt' });
  assert.deepEqual([report.scheduleMismatch, report.reorgs], ['denim', 2]);
});

function stateOf({ state, reason }) {
  return [state, reason];
}
