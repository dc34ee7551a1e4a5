// Nodes that several tabs share: the hub of the shared worker, with the real module.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { Hub } = await import(new URL('worker/tabs/hub.js', packageDist));
const { loadChain } = await import(new URL('page/index.js', packageDist));

const { WINDOW } = await import(new URL('shared/protocol.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
// The discard port: nothing listens there.
const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
const start = { type: 'start', config: JSON.stringify({ chain: await loadChain(10), relays }), wasm: undefined };

/** A tab with its own list of messages, and a wait for the first one of a type. */
function tab(hub, key = 'one') {
  const messages = [];
  const waiters = new Set();
  const port = hub.open(key, (message) => {
    messages.push(message);
    waiters.forEach((waiter) => waiter());
  });
  const first = (type) =>
    new Promise((resolve) => {
      const waiter = () => {
        const found = messages.find((message) => message.type === type);
        if (found) waiters.delete(waiter), resolve(found);
      };
      waiters.add(waiter);
      waiter();
    });
  return { ...port, messages, first };
}

test('tabs of one key have one node, which ends with the last of them', async () => {
  const hub = new Hub();
  const [one, two, other] = [tab(hub), tab(hub), tab(hub, 'another')];
  for (const each of [one, two, other]) each.receive(start);
  const reports = await Promise.all([one, two, other].map(async ({ first }) => (await first('started')).report.peer));
  assert.equal(reports[0], reports[1], 'the same peer id');
  assert.notEqual(reports[0], reports[2]);
  assert.equal(hub.size, 2);
  other.receive({ type: 'stop' });
  assert.equal((await other.first('stopped')).report.peer, reports[2]);
  one.end();
  assert.equal(hub.size, 1);
  const late = tab(hub);
  late.receive(start);
  assert.equal((await late.first('started')).report.peer, reports[0], 'a tab that comes later');
  two.receive({ type: 'stop' });
  late.end();
  assert.equal(hub.size, 0);
});

test('each tab gets the answers to its own requests', async () => {
  const hub = new Hub();
  const [one, two] = [tab(hub), tab(hub)];
  for (const each of [one, two]) each.receive(start);
  await Promise.all([one.first('started'), two.first('started')]);
  one.receive({ type: 'call', id: 1, method: 'hashOf', args: ['0x'] });
  two.receive({ type: 'call', id: 1, method: 'hashOf', args: ['0x00'] });
  two.receive({ type: 'report', id: 7 });
  one.receive({ type: 'call', id: 2, method: 'hashOf', args: ['none'] });
  const [first, second] = [await one.first('returned'), await two.first('returned')];
  assert.deepEqual([first.id, second.id], [1, 1]);
  assert.equal(first.value, '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
  assert.notEqual(second.value, first.value);
  assert.equal((await two.first('report')).id, 7);
  assert.equal((await one.first('threw')).error.code, 'bad_request');
  [one, two].forEach(({ end }) => end());
});

test('a tab that acknowledges nothing loses events, is told how many, and delays no other', () => {
  let post;
  const received = [];
  const hub = new Hub((send) => ((post = send), { receive: (message) => received.push(message), fail: () => {} }));
  const [frozen, awake] = [tab(hub), tab(hub)];
  for (const each of [frozen, awake]) each.receive(start);
  assert.equal(received.filter(({ type }) => type === 'start').length, 1, 'the node starts once');
  post({ type: 'started', report: { peer: 'it' } });
  const events = ({ messages }) => messages.filter(({ type }) => type === 'event');
  const head = (number) => ({ event: 'head', number });
  for (let number = 1; number <= WINDOW + 5; number += 1) {
    post({ type: 'event', event: head(number), dropped: 0 });
    awake.receive({ type: 'ack', count: 1 });
  }
  assert.equal(received.filter(({ type }) => type === 'ack').length, WINDOW + 5, 'the node never waits for a tab');
  assert.deepEqual([events(frozen).length, events(awake).length], [WINDOW, WINDOW + 5]);
  frozen.receive({ type: 'ack', count: 1 });
  post({ type: 'event', event: head(9_999), dropped: 0 });
  assert.deepEqual([events(frozen).at(-1).dropped, events(awake).at(-1).dropped], [5, 0]);
  const late = tab(hub);
  late.receive(start);
  assert.deepEqual(events(late).map(({ event }) => event.number), [9_999], 'it learns the head at once');
});

test('a shared node asks no tab, and a tab cannot answer for the others', () => {
  let post;
  const received = [];
  const hub = new Hub((send) => ((post = send), { receive: (message) => received.push(message), fail: () => {} }));
  const [one, two] = [tab(hub), tab(hub)];
  for (const each of [one, two]) each.receive(start);
  received.splice(0);
  post({ type: 'ask', id: 3, question: { what: 'header' } });
  assert.deepEqual([one.messages, two.messages], [[], []]);
  assert.deepEqual(received.map(({ type, id, json }) => [type, id, json]), [['answer', 3, '']]);
  assert.match(received[0].error, /asks none/);
  one.receive({ type: 'answer', id: 3, json: '"0x"', error: null });
  one.receive({ type: 'nothing', id: 4 });
  assert.equal(received.length, 1);
  post({ type: 'nothing', id: 5 });
  assert.deepEqual([one.messages, two.messages], [[], []]);
});

test('a failure of the thread ends the node of all tabs, and the next one is a new node', async () => {
  const hub = new Hub();
  const [one, two] = [tab(hub), tab(hub)];
  for (const each of [one, two]) each.receive(start);
  const { report } = await one.first('started');
  hub.fail({ code: 'panic', message: 'a defect', remedy: 'report it' });
  for (const each of [one, two]) assert.equal((await each.first('failed')).error.code, 'panic');
  assert.equal(hub.size, 0);
  const next = tab(hub);
  next.receive(start);
  assert.notEqual((await next.first('started')).report.peer, report.peer);
  next.end();
});

test('a tab that comes again gets what followed the block that it knows, one of another leader too', () => {
  let post;
  const hub = new Hub((send) => ((post = send), { receive: () => {}, fail: () => {} }));
  const kept = (number) => ({ number, hash: `0x${number}`, parent: '0x', timestamp: number, timestamp_ms: number * 1000 });
  const first = tab(hub);
  first.receive({ ...start, config: JSON.stringify({ restored: [kept(1), kept(2), kept(3)] }), since: { number: 3, hash: '0x3' } });
  post({ type: 'started', report: { peer: 'it' } });
  const events = ({ messages }) => messages.filter(({ type }) => type === 'event').map(({ event }) => `${event.event} ${event.number ?? `${event.from} to ${event.to}`}`);
  assert.deepEqual(events(first), [], 'nothing is new to it');
  for (const number of [4, 5]) for (const event of ['block', 'head']) post({ type: 'event', event: { event, number, hash: `0x${number}` }, dropped: 0 });
  const from = (since) => {
    const late = tab(hub);
    late.receive({ ...start, since });
    return events(late);
  };
  assert.deepEqual(from({ number: 4, hash: '0x4' }), ['block 5', 'head 5']);
  assert.deepEqual(from({ number: 5, hash: '0x5' }), []);
  assert.deepEqual(from({ number: 2, hash: '0x2' }), ['head 3', 'block 4', 'head 4', 'block 5', 'head 5'], 'the node started further than it knows');
  assert.deepEqual(from({ number: 1, hash: '0xanother' }), ['gap 2 to 4', 'head 5'], 'of another branch, or too long ago');
  assert.deepEqual(from(null), ['head 5'], 'a new tab');
});

test('what is saved is sent to one tab that is awake', () => {
  let post;
  const hub = new Hub((send) => ((post = send), { receive: () => {}, fail: () => {} }));
  const [frozen, awake] = [tab(hub), tab(hub)];
  for (const each of [frozen, awake]) each.receive(start);
  post({ type: 'started', report: { peer: 'it' } });
  const saves = ({ messages }) => messages.filter(({ type }) => type === 'persist').length;
  post({ type: 'persist', block: {} });
  assert.deepEqual([saves(frozen), saves(awake)], [1, 0]);
  for (let number = 1; number <= 64; number += 1) {
    post({ type: 'event', event: { event: 'head', number, hash: '0x' }, dropped: 0 });
    awake.receive({ type: 'ack', count: 1 });
  }
  post({ type: 'persist', block: {} });
  assert.deepEqual([saves(frozen), saves(awake)], [1, 1]);
});
