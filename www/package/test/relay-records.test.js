// Relays' records: when they are asked for, what is believed, what is remembered, and when a clock is corrected.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { isUrl, RelayRecords, MAX_URLS } = await import(new URL('worker/relay-records.js', packageDist));

const PEERS = ['16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv', '12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7'];
const NOW = 1_800_000_000_000;

/** A world in which `answers` maps an origin to what its relay answers: a record, a status, or an error. */
function world(t, answers) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const seen = { asked: [], added: [], told: [], corrected: [], agreed: 0, remembered: [], now: NOW, mono: 5_000 };
  const host = {
    fetch: async (url, options) => {
      seen.asked.push(url);
      assert.equal(options.credentials, 'omit');
      const answer = answers[new URL(url).origin];
      if (answer instanceof Error) throw answer;
      return typeof answer === 'object' ? new Response(JSON.stringify(answer)) : new Response('', { status: answer });
    },
    now: () => seen.now,
    mono: () => seen.mono,
    verify: (document, host) => {
      assert.ok(host.endsWith('.example'));
      if (document.includes('forged')) throw { code: 'forged_record', message: 'the record is forged', remedy: 'none' };
      return document;
    },
    add: (relays, others) => seen.added.push([relays, others]),
    emit: (event) => seen.told.push(event),
    correct: (millis) => seen.corrected.push(millis),
    clockAgrees: () => (seen.agreed += 1),
    saveRelays: (relays) => seen.remembered.push(relays),
  };
  const records = new RelayRecords(Object.keys(answers), host);
  t.after(() => records.end());
  const pass = async (ms) => {
    for (let left = ms; left > 0; left -= 2_000) {
      seen.now += Math.min(left, 2_000);
      seen.mono += Math.min(left, 2_000);
      t.mock.timers.tick(Math.min(left, 2_000));
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { records, seen, pass };
}

function record(which, { time = NOW, life = 24 * 3600_000, others = [] } = {}) {
  const peer = PEERS[which];
  return { peer, addresses: [`/dns/relay.example/tcp/1/ws/p2p/${peer}`], time_ms: time, expires_ms: time + life, others };
}

async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a record is read at once, its relays come first and others after', async (t) => {
  const other = `/ip4/192.0.2.9/tcp/1/ws/p2p/${PEERS[1]}`;
  const { records, seen } = world(t, { 'https://relay.example': record(0, { others: [other] }) });
  records.begin();
  await settle();
  const own = `/dns/relay.example/tcp/1/ws/p2p/${PEERS[0]}`;
  assert.deepEqual(seen.asked, ['https://relay.example/.well-known/petrel.json']);
  assert.deepEqual(seen.added, [[[own], [other]]]);
  assert.deepEqual(seen.remembered, [[own]], 'others are remembered once they were connected');
  records.see({ event: 'connected', peer: PEERS[1], address: other });
  assert.deepEqual(seen.remembered.at(-1), [other, own]);
});

test('it is read again at half its life, and sooner when no relay is connected', async (t) => {
  const { records, seen, pass } = world(t, { 'https://relay.example': record(0, { life: 600_000 }) });
  records.begin();
  await settle();
  records.see({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  await pass(296_000);
  assert.equal(seen.asked.length, 1);
  await pass(6_000);
  assert.equal(seen.asked.length, 2);
  records.see({ event: 'disconnected', peer: PEERS[0] });
  await pass(14_000);
  assert.equal(seen.asked.length, 3);
});

test('after a sleep it is read at once', async (t) => {
  const { records, seen, pass } = world(t, { 'https://relay.example': record(0) });
  records.begin();
  await settle();
  records.see({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  await pass(4_000);
  assert.equal(seen.asked.length, 1);
  seen.now += 3 * 3600_000;
  await pass(2_000);
  assert.equal(seen.asked.length, 2);
});

test('a clock that was set is corrected no more', async (t) => {
  const answers = { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1, { time: NOW + 90_000 }) };
  const { records, seen, pass } = world(t, answers);
  records.begin();
  await settle();
  assert.deepEqual(seen.corrected, [90_000]);
  records.see({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  seen.now += 88_000;
  await pass(2_000);
  assert.equal(seen.corrected.at(-1), 0);
  // Backwards, which no wait by the clock would notice.
  seen.now -= 90_000;
  const asked = seen.asked.length;
  await pass(2_000);
  assert.equal(seen.asked.length, asked + 2);
});

test('what fails is said with its code and tried again, ever more seldom, and adds nothing', async (t) => {
  const answers = { 'https://a.example': 404, 'https://b.example': { forged: true }, 'https://c.example': new TypeError('Failed to fetch') };
  const { records, seen, pass } = world(t, answers);
  records.begin();
  await settle();
  const codes = seen.told.map(({ event, url, code, retryMs }) => [event, url, code, retryMs]);
  assert.deepEqual(codes.sort(), [
    ['record_failed', 'https://a.example', 'no_record', 2_000],
    ['record_failed', 'https://b.example', 'forged_record', 2_000],
    ['record_failed', 'https://c.example', 'no_record', 2_000],
  ]);
  await pass(300_000);
  const tries = seen.asked.filter((url) => url.startsWith('https://a')).length;
  assert.ok(tries >= 7 && tries <= 11, `${tries} tries in five minutes`);
  assert.deepEqual(seen.added, []);
});

test('an answer that does not end is cut', async (t) => {
  const { records, seen } = world(t, { 'https://a.example': { long: 'x'.repeat(1 << 20) } });
  records.begin();
  await settle();
  assert.deepEqual(seen.told.map(({ code }) => code), ['bad_record']);
});

test('one relay only tells the time, two that agree set the clock', async (t) => {
  const alone = world(t, { 'https://a.example': record(0, { time: NOW + 90_000 }) });
  alone.records.begin();
  await settle();
  assert.deepEqual([alone.records.offset, alone.seen.corrected], [90_000, []]);
  t.mock.timers.reset();
  const liar = world(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1) });
  liar.records.begin();
  await settle();
  assert.deepEqual(liar.seen.corrected, []);
  t.mock.timers.reset();
  const twice = world(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(0, { time: NOW + 90_000 }) });
  twice.records.begin();
  await settle();
  assert.deepEqual(twice.seen.corrected, [], 'one relay by two names is one');
  t.mock.timers.reset();
  const both = world(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1, { time: NOW + 91_000 }) });
  both.records.begin();
  await settle();
  assert.equal(both.seen.corrected.length, 1);
  assert.ok(Math.abs(both.seen.corrected[0] - 90_500) <= 500);
});

test('two relays that agree with this clock are said at once and every ten minutes, until it is set', async (t) => {
  const alone = world(t, { 'https://a.example': record(0) });
  alone.records.begin();
  await settle();
  assert.equal(alone.seen.agreed, 0, 'one relay may lie');
  t.mock.timers.reset();
  const answers = { 'https://a.example': record(0), 'https://b.example': record(1, { time: NOW + 500 }) };
  const { records, seen, pass } = world(t, answers);
  records.begin();
  await settle();
  records.see({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  assert.deepEqual([seen.agreed, seen.corrected], [1, [0]]);
  await pass(598_000);
  assert.equal(seen.agreed, 1);
  await pass(6_000);
  assert.equal(seen.agreed, 2);
  answers['https://a.example'] = record(0, { time: seen.now });
  answers['https://b.example'] = record(1, { time: seen.now });
  seen.now -= 90_000;
  await pass(2_000);
  assert.equal(seen.agreed, 2);
  assert.ok(seen.corrected.at(-1) > 85_000);
  await pass(1_200_000);
  assert.equal(seen.agreed, 2, 'a clock that is corrected does not agree');
});

test('URLs and multiaddrs are told apart, and too many or wrong ones are refused', (t) => {
  assert.ok(isUrl('https://a.example') && isUrl('http://127.0.0.1:8080/page') && !isUrl('/dns4/a.example/tcp/443/wss'));
  const host = { now: () => NOW, mono: () => 0 };
  assert.throws(() => new RelayRecords(['https://'], host), { code: 'bad_relay' });
  assert.throws(() => new RelayRecords(Array(MAX_URLS + 1).fill('https://a.example'), host), { code: 'bad_relay' });
});
