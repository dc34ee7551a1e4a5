// What a follower says of itself: each state, with the reason that a person needs.

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

test('nobody connected: why, and when it is tried again', () => {
  assert.deepEqual(pick(after([]).report(NODE, 0)), ['connecting', 'connecting to the relay']);
  const failed = { event: 'dial_failed', peer: PEER, error: 'refused', retryMs: 3_000 };
  const tracker = after([[failed, 1_000]]);
  assert.match(pick(tracker.report(NODE, 2_000))[1], /trying again in 2 s: refused/);
  assert.match(pick(tracker.report(NODE, 9_000))[1], /trying again now/);
  const left = after([[connected, 0], [{ event: 'disconnected', peer: PEER, reason: 'closed' }, 1]]);
  assert.match(pick(left.report(NODE, 2))[1], /the relay is gone \(closed\)/);
});

test('blocks make it live, silence makes it stalled, after four block times and six seconds at least', () => {
  const node = { ...CONNECTED, accepted: 1 };
  const tracker = after([[connected, 0], [block(200), 1_000]]);
  assert.deepEqual(pick(tracker.report(node, 9_000)), ['live', null]);
  const [state, reason] = pick(tracker.report(node, 9_001));
  assert.equal(state, 'stalled');
  assert.match(reason, /no new block for 8 s/);
  const quick = { ...node, intervalMs: 200 };
  assert.equal(pick(tracker.report(quick, 7_000))[0], 'live');
  assert.equal(pick(tracker.report(quick, 7_001))[0], 'stalled');
});

test('a relay that carries another chain is named, one that lies too', () => {
  assert.equal(pick(after([[connected, 0]]).report(CONNECTED, 5_000))[1], 'connected, waiting for the next block');
  assert.match(pick(after([[connected, 0]]).report(CONNECTED, 7_000))[1], /does not carry this chain/);
  const joined = { event: 'topic_joined', peer: PEER, version: 'V4' };
  assert.doesNotMatch(pick(after([[connected, 0], [joined, 1]]).report(CONNECTED, 7_000))[1], /carry/);
  const rejected = { event: 'rejected', peer: PEER, version: 'V4', fault: 'wrong_signer', detail: 'signed by another' };
  const report = after([[connected, 0], [joined, 1], [rejected, 2]]).report(CONNECTED, 100);
  assert.match(report.reason, /refused: signed by another/);
  assert.equal(report.rejected, 1);
});

test('bytes are told as the node counts them', () => {
  const { traffic } = after([]).report(NODE, 0);
  assert.deepEqual(traffic, { transports: { ws: { in: 5, out: 4 } }, protocols: { meshsub: { in: 3, out: 2 } } });
});

test("the network's other signer is said before everything else", () => {
  const mismatch = { ...CONNECTED, signerMismatch: '0xabc' };
  assert.match(pick(after([[connected, 0]]).report(mismatch, 100))[1], /another signer, 0xabc/);
});

test('the clock: silent while a network explains the delay, a warning beyond', () => {
  const node = { ...CONNECTED, accepted: 3 };
  const clock = (delays, given = node) => after(delays.map((delay) => [block(delay), 0])).report(given, 0).clock;
  assert.deepEqual(clock([100, 300, 200]), { offsetMs: 200, warning: null, sequencerWrong: false, relaysMs: null, correctedMs: 0 });
  assert.match(clock([-2_000]).warning, /2\.0 s before their time: this device's clock is behind/);
  assert.match(clock([12_000]).warning, /12 s after their time/);
  assert.equal(clock([12_000, 100, 100]).warning, null, 'one late block is no clock');
  assert.match(clock([], { ...node, offsetMs: -90_000 }).warning, /90 s before/);
  assert.match(clock([100], { ...node, clockSkew: true }).warning, /clock/);
});

test("where the relays' time agrees with this device's it is the sequencer's clock that is wrong", () => {
  const skewed = (offsetMs) => after([[connected, 0]]).report({ ...CONNECTED, offsetMs, sequencerSkew: true }, 0);
  assert.match(skewed(90_000).clock.warning, /90 s after their time: the sequencer's clock is behind; this device's agrees/);
  assert.match(skewed(-90_000).reason, /90 s before their time: the sequencer's clock is ahead/);
  assert.ok(skewed(1).clock.sequencerWrong);
});

test('the clock is judged by the blocks of ten seconds, however many they are', () => {
  const node = { ...CONNECTED, accepted: 3, intervalMs: 200 };
  const report = (delays) => after(delays.map((delay, at) => [block(delay), at * 200])).report(node, delays.length * 200).clock;
  assert.equal(report([...Array(60).fill(100), ...Array(20).fill(8_000)]).offsetMs, 100, 'four seconds are no clock');
  assert.equal(report([...Array(60).fill(100), ...Array(40).fill(8_000)]).offsetMs, 8_000);
});

test('the chain as it is now: its interval, its fork, what its schedule lacks, reorgs', () => {
  const reorg = { event: 'reorg', from: 5, to: 7, depth: 3, hashes: [] };
  const node = { ...NODE, intervalMs: 200, fork: 'cobalt', scheduleMismatch: 'denim' };
  const report = after([[reorg, 0], [reorg, 1]]).report(node, 2);
  assert.deepEqual(report.chain, { id: 10, name: 'op-mainnet', blockTime: 0.2, intervalMs: 200, fork: 'cobalt' });
  assert.deepEqual([report.scheduleMismatch, report.reorgs], ['denim', 2]);
});

function pick({ state, reason }) {
  return [state, reason];
}
