// Relays' records: when they are requested, which are accepted, which relays are saved, and when a clock is corrected.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { isUrl, RelayRecords, MAX_URLS } = await import(new URL('worker/relay-records.js', packageDist));

const PEERS = ['16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv', '12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7', 'c', 'd', 'e'];
const NOW = 1_800_000_000_000;

/** Records of a simulated host; `answers` maps an origin to its relay's answer: a record, a status, an error, or what makes one. */
function simulated(t, answers) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const seen = { requested: [], added: [], emitted: [], corrected: [], agreed: 0, settled: 0, saved: [], ofOther: [], now: NOW, mono: 5_000 };
  const host = {
    fetch: async (url, options) => {
      seen.requested.push(url);
      assert.equal(options.credentials, 'omit');
      let answer = answers[new URL(url).origin];
      if (typeof answer === 'function') answer = await answer(seen);
      if (answer instanceof Error) throw answer;
      return typeof answer === 'object' ? new Response(JSON.stringify(answer)) : new Response('', { status: answer });
    },
    now: () => seen.now,
    mono: () => seen.mono,
    verify: (document, host) => {
      assert.ok(host.endsWith('.example'));
      if (document.includes('foreign')) throw { code: 'foreign_record', message: 'the relay follows another chain', remedy: 'none' };
      if (document.includes('forged')) throw { code: 'forged_record', message: 'the record is forged', remedy: 'none' };
      return document;
    },
    isOfOther: (document) => document.includes('other chain'),
    ofOther: (origin) => seen.ofOther.push(origin),
    add: (relays, others) => seen.added.push([relays, others]),
    emit: (event) => seen.emitted.push(event),
    correct: (millis) => seen.corrected.push(millis),
    clockAgrees: () => (seen.agreed += 1),
    settled: () => (seen.settled += 1),
    saveRelays: (relays) => seen.saved.push(relays),
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

test('a record is requested at once, and its own relays are added before others', async (t) => {
  const other = `/ip4/192.0.2.9/tcp/1/ws/p2p/${PEERS[1]}`;
  const { records, seen } = simulated(t, { 'https://relay.example': record(0, { others: [other] }) });
  records.begin();
  await settle();
  const own = `/dns/relay.example/tcp/1/ws/p2p/${PEERS[0]}`;
  assert.deepEqual(seen.requested, ['https://relay.example/.well-known/petrel.json']);
  assert.deepEqual(seen.added, [[[own], [other]]]);
  assert.deepEqual(seen.saved, [[own]], 'others are saved after they connected');
  records.track({ event: 'connected', peer: PEERS[1], address: other });
  assert.deepEqual(seen.saved.at(-1), [other, own]);
});

test('the transport by which a relay was connected last is saved first, also when its record has new addresses', async (t) => {
  const address = (at) => `/dns/relay.example/${at}/p2p/${PEERS[0]}`;
  const [webTransport, renewed] = ['A', 'B'].map((hash) => address(`udp/1/quic-v1/webtransport/certhash/${hash}`));
  const [wss, ws] = [address('tcp/2/wss'), address('tcp/1/ws')];
  let addresses = [webTransport, wss, ws];
  const { records, seen, pass } = simulated(t, { 'https://relay.example': async (seen) => ({ ...record(0, { time: seen.now, life: 600_000 }), addresses }) });
  records.begin();
  await settle();
  records.track({ event: 'connected', peer: PEERS[0], address: webTransport });
  assert.deepEqual(seen.saved, [[webTransport, wss, ws]], 'nothing changes while it is the first one');
  records.track({ event: 'disconnected', peer: PEERS[0] });
  records.track({ event: 'connected', peer: PEERS[0], address: ws });
  assert.deepEqual(seen.saved.at(-1), [ws, wss, webTransport]);
  addresses = [renewed, wss];
  await pass(302_000);
  assert.deepEqual(seen.saved.at(-1), [wss, renewed]);
});

test('a record is requested again at half its lifetime, and sooner when no relay is connected', async (t) => {
  const { records, seen, pass } = simulated(t, { 'https://relay.example': record(0, { life: 600_000 }) });
  records.begin();
  await settle();
  records.track({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  await pass(296_000);
  assert.equal(seen.requested.length, 1);
  await pass(6_000);
  assert.equal(seen.requested.length, 2);
  records.track({ event: 'disconnected', peer: PEERS[0] });
  await pass(14_000);
  assert.equal(seen.requested.length, 3);
});

test('after a sleep a record is requested at once', async (t) => {
  const { records, seen, pass } = simulated(t, { 'https://relay.example': record(0) });
  records.begin();
  await settle();
  records.track({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  await pass(4_000);
  assert.equal(seen.requested.length, 1);
  seen.now += 3 * 3600_000;
  await pass(2_000);
  assert.equal(seen.requested.length, 2);
});

test('after the clock was set it is no longer corrected', async (t) => {
  const answers = { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1, { time: NOW + 90_000 }) };
  const { records, seen, pass } = simulated(t, answers);
  records.begin();
  await settle();
  assert.deepEqual(seen.corrected, [90_000]);
  records.track({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  seen.now += 88_000;
  await pass(2_000);
  assert.equal(seen.corrected.at(-1), 0);
  // Set back: a timer of this clock alone would not notice it.
  seen.now -= 90_000;
  const requested = seen.requested.length;
  await pass(2_000);
  assert.equal(seen.requested.length, requested + 2);
});

test('a failed request is reported with its code, retried with backoff, and adds no relay', async (t) => {
  const answers = { 'https://a.example': 404, 'https://b.example': { forged: true }, 'https://c.example': new TypeError('Failed to fetch') };
  const { records, seen, pass } = simulated(t, answers);
  records.begin();
  await settle();
  const codes = seen.emitted.map(({ event, url, code, retryMs }) => [event, url, code, retryMs]);
  assert.deepEqual(codes.sort(), [
    ['record_failed', 'https://a.example', 'no_record', 2_000],
    ['record_failed', 'https://b.example', 'forged_record', 2_000],
    ['record_failed', 'https://c.example', 'no_record', 2_000],
  ]);
  await pass(300_000);
  const tries = seen.requested.filter((url) => url.startsWith('https://a')).length;
  assert.ok(tries >= 7 && tries <= 11, `${tries} requests in five minutes`);
  assert.deepEqual(seen.added, []);
});

test('the record of another one of the chains is no failure, and seldom requested again', async (t) => {
  const answers = { 'https://a.example': { foreign: 'other chain' }, 'https://b.example': { foreign: 'of nobody' } };
  const { records, seen, pass } = simulated(t, answers);
  records.begin();
  await settle();
  assert.deepEqual(seen.ofOther, ['https://a.example']);
  assert.deepEqual(seen.emitted.map(({ event, url, code }) => [event, url, code]), [['record_failed', 'https://b.example', 'foreign_record']]);
  assert.deepEqual([seen.added, seen.settled], [[], 1]);
  const requests = () => seen.requested.filter((url) => url.startsWith('https://a')).length;
  await pass(590_000);
  assert.equal(requests(), 1);
  answers['https://a.example'] = record(0);
  await pass(12_000);
  assert.deepEqual([requests(), seen.added.length], [2, 1]);
});

test('relays of other chains are not waited for when clocks are compared', async (t) => {
  const { records, seen } = simulated(t, {
    'https://a.example': record(0, { time: NOW + 90_000 }),
    'https://b.example': record(1, { time: NOW + 90_000 }),
    'https://c.example': { foreign: 'other chain' },
    'https://d.example': { foreign: 'other chain' },
  });
  records.begin();
  await settle();
  assert.ok(Math.abs(seen.corrected.at(-1) - 90_000) <= 500, String(seen.corrected));
});

test('a response above the size limit is refused', async (t) => {
  const { records, seen } = simulated(t, { 'https://a.example': { long: 'x'.repeat(1 << 20) } });
  records.begin();
  await settle();
  assert.deepEqual(seen.emitted.map(({ code }) => code), ['bad_record']);
});

test('the time of one relay is only reported, two that agree correct the clock', async (t) => {
  const alone = simulated(t, { 'https://a.example': record(0, { time: NOW + 90_000 }) });
  alone.records.begin();
  await settle();
  assert.deepEqual([alone.records.offset, alone.seen.corrected], [90_000, []]);
  t.mock.timers.reset();
  const disagreeing = simulated(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1) });
  disagreeing.records.begin();
  await settle();
  assert.deepEqual(disagreeing.seen.corrected, []);
  t.mock.timers.reset();
  const twice = simulated(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(0, { time: NOW + 90_000 }) });
  twice.records.begin();
  await settle();
  assert.deepEqual(twice.seen.corrected, [], 'two URLs of one relay count once');
  t.mock.timers.reset();
  const both = simulated(t, { 'https://a.example': record(0, { time: NOW + 90_000 }), 'https://b.example': record(1, { time: NOW + 91_000 }) });
  both.records.begin();
  await settle();
  assert.equal(both.seen.corrected.length, 1);
  assert.ok(Math.abs(both.seen.corrected[0] - 90_500) <= 500);
});

test('agreement of two relays with this clock is reported at once and every ten minutes, until the clock is set', async (t) => {
  const alone = simulated(t, { 'https://a.example': record(0) });
  alone.records.begin();
  await settle();
  assert.equal(alone.seen.agreed, 0, 'one relay is not enough');
  t.mock.timers.reset();
  const answers = { 'https://a.example': record(0), 'https://b.example': record(1, { time: NOW + 500 }) };
  const { records, seen, pass } = simulated(t, answers);
  records.begin();
  await settle();
  records.track({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
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

/** Records of relays whose clocks are so many milliseconds ahead, in the order in which they answer; 404 is a relay that fails. */
function relaysAhead(t, ...offsets) {
  const origin = (at) => `https://${'abcde'[at]}.example`;
  return simulated(t, Object.fromEntries(offsets.map((offset, at) => [origin(at), offset === 404 ? 404 : record(at, { time: NOW + offset })])));
}

test('of three relays or more, more than half must agree, whichever answer first', async (t) => {
  for (const [offsets, corrected] of [
    [[300_000, 300_000, 0, 0, 0], 0],
    [[0, 0, 300_000, 300_000, 0], 0],
    [[300_000, 300_000, 0, 90_000], undefined],
    [[300_000, 90_000, 90_000], 90_000],
    [[90_000, 91_000, 92_000, 0, 0], 91_000],
    [[90_000, 92_001], undefined],
    [[300_000, 300_000, 404, 404, 404], 300_000],
  ]) {
    const { records, seen } = relaysAhead(t, ...offsets);
    records.begin();
    await settle();
    const last = seen.corrected.at(-1);
    assert.ok(corrected === undefined ? last === undefined : Math.abs(last - corrected) <= 500, `${offsets}: ${seen.corrected}`);
    if (corrected !== undefined) assert.ok(seen.corrected.every((ms) => Math.abs(ms - corrected) <= 500), `${offsets}: ${seen.corrected}`);
    records.end();
    t.mock.timers.reset();
  }
});

test('two liars that answer at once do not set the clock while the others have not answered', async (t) => {
  let answer;
  const late = new Promise((resolve) => (answer = resolve));
  const lying = (which) => record(which, { time: NOW + 300_000 });
  const honest = (which) => async () => (await late, record(which));
  const { records, seen } = simulated(t, {
    'https://a.example': lying(0),
    'https://b.example': lying(1),
    'https://c.example': honest(2),
    'https://d.example': honest(3),
    'https://e.example': honest(4),
  });
  records.begin();
  await settle();
  assert.deepEqual([seen.corrected, seen.settled], [[], 0]);
  answer();
  await settle();
  assert.deepEqual([seen.corrected, seen.agreed, seen.settled], [[0], 1, 1]);
});

test('an offset of more than an hour is reported and not corrected', async (t) => {
  const { records, seen } = relaysAhead(t, 3 * 3600_000, 3 * 3600_000);
  records.begin();
  await settle();
  assert.deepEqual(seen.corrected, [0]);
  const [event] = seen.emitted.filter(({ event }) => event === 'relay_clock');
  assert.deepEqual(event, { event: 'relay_clock', offsetMs: 3 * 3600_000, correctedMs: 0, relays: 2, of: 2 });
});

test('a correction is an event, and so is its end; a jump of the clock ends it at once', async (t) => {
  let silent = false;
  const answers = [0, 1].map((which) => async (seen) => (silent ? new Promise(() => {}) : record(which, { time: seen.mono - 5_000 + NOW + 90_000 })));
  const { records, seen, pass } = simulated(t, { 'https://a.example': answers[0], 'https://b.example': answers[1] });
  const clocks = () => seen.emitted.filter(({ event }) => event === 'relay_clock').map(({ correctedMs, relays }) => [correctedMs, relays]);
  records.begin();
  await settle();
  records.track({ event: 'connected', peer: PEERS[0], address: '/ip4/1.2.3.4/tcp/1/ws' });
  assert.deepEqual([clocks(), seen.corrected], [[[90_000, 2]], [90_000]]);
  silent = true;
  seen.now += 90_000;
  await pass(2_000);
  assert.deepEqual([clocks().at(-1), seen.corrected], [[0, 0], [90_000, 0]], 'what corrected the clock is forgotten');
});

test('a device that sleeps while the records are fetched measures no clocks', async (t) => {
  for (const slept of [(seen) => (seen.now += 300_000), (seen) => ((seen.now += 300_000), (seen.mono += 300_000))]) {
    let woken = false;
    const answers = [0, 1].map((which) => async (seen) => {
      const made = record(which, { time: NOW });
      if (!woken) await new Promise((resolve) => setImmediate(resolve));
      if (!woken) slept(seen);
      woken = true;
      return made;
    });
    const { records, seen } = simulated(t, { 'https://a.example': answers[0], 'https://b.example': answers[1] });
    records.begin();
    await settle();
    const found = seen.emitted.filter(({ event }) => event === 'relay_found');
    assert.deepEqual(found.map(({ clockMs }) => clockMs), [null, null]);
    assert.deepEqual([seen.corrected, seen.agreed, seen.added.length], [[], 0, 2]);
    records.end();
    t.mock.timers.reset();
  }
});

test('it says once when each URL has given a record or failed', async (t) => {
  let answer;
  const late = new Promise((resolve) => (answer = resolve));
  const { records, seen, pass } = simulated(t, { 'https://a.example': 404, 'https://b.example': async () => (await late, record(1)) });
  records.begin();
  await settle();
  assert.equal(seen.settled, 0);
  answer();
  await settle();
  assert.equal(seen.settled, 1);
  await pass(120_000);
  assert.equal(seen.settled, 1);
});

test('URLs and multiaddrs are distinguished, and too many or wrong ones are refused', (t) => {
  assert.ok(isUrl('https://a.example') && isUrl('http://127.0.0.1:8080/page') && !isUrl('/dns4/a.example/tcp/443/wss'));
  const host = { now: () => NOW, mono: () => 0 };
  assert.throws(() => new RelayRecords(['https://'], host), { code: 'bad_relay' });
  const more = Array(MAX_URLS + 1).fill('https://a.example');
  assert.throws(() => new RelayRecords(more, host), { code: 'bad_relay' });
  new RelayRecords(more, host, 2);
});
