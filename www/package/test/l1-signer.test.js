// The signer from L1, with the real module and an L1 that lies in every way: what is refused, when it is read again, and that a reading
// that fails changes nothing. Time, requests and the page are the test's.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { cases, FIRST, resultOf, ROTATED, systemConfig } from './l1-vectors.js';

const { L1Signer, RELOAD } = await import(new URL('worker/l1-signer.js', packageDist));
const { SIGNER_SLOT } = await import(new URL('worker/l1-reading.js', packageDist));
const { loadModule } = await import(new URL('worker/module.js', packageDist));

const { l1Header, l1Signer, l1Word } = await loadModule(undefined);
const URLS = ['https://one.example/a-secret', 'https://two.example/'];
const NOW = Number(FIRST.header.timestamp) * 1000 + 12_000;
const TARGET = { systemConfig, chain: 1 };

/**
 * A signer that is read from a simulated L1. `trusted` is the hash that the page trusts (or what makes it), `change` changes an answer:
 * it gets the body, the method and which URL it is. `config` is the worker's.
 */
function simulated(t, { trusted = FIRST.header.hash, newest = FIRST, change = (body) => body, ...config } = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const seen = { trusted, newest, change, requested: [], given: [], emitted: [], now: NOW, mono: 5_000 };
  const answer = (method, params, at) => seen.change({ jsonrpc: '2.0', id: 1, result: resultOf(seen.newest, method, params) }, method, at, params);
  const host = {
    fetch: async (url, options) => {
      assert.deepEqual([options.credentials, options.redirect, options.method], ['omit', 'error', 'POST']);
      const { method, params } = JSON.parse(options.body);
      seen.requested.push(method);
      const body = await answer(method, params, URLS.indexOf(url));
      if (body instanceof Error) throw body;
      if (body instanceof Response) return body;
      return new Response(typeof body === 'string' ? body : JSON.stringify(body));
    },
    ask: async (question) => {
      if (question.what === 'request') {
        seen.requested.push(question.method);
        const body = await answer(question.method, question.params, question.at);
        if (body instanceof Error) throw body;
        return JSON.stringify(body.result ?? null);
      }
      if (seen.trusted instanceof Error) throw seen.trusted;
      return JSON.stringify(seen.trusted);
    },
    now: () => seen.now,
    mono: () => seen.mono,
    header: l1Header,
    signer: l1Signer,
    word: l1Word,
    read: (signer, rotation) => seen.given.push([signer.toLowerCase(), rotation]),
    emit: (event) => seen.emitted.push(event),
  };
  const l1 = new L1Signer({ requests: [URLS[0]], header: null, verifies: false, ...config }, TARGET, host);
  t.after(() => l1.end());
  const pass = async (ms, { clock = ms } = {}) => {
    for (let left = ms; left > 0; left -= 2_000) {
      seen.mono += Math.min(left, 2_000);
      seen.now += (Math.min(left, 2_000) * clock) / ms;
      t.mock.timers.tick(Math.min(left, 2_000));
      await turns();
    }
  };
  return { l1, seen, pass, codes: () => seen.emitted.map(({ code }) => code) };
}

async function turns() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function begun(t, options) {
  const all = simulated(t, options);
  all.l1.begin();
  await turns();
  return all;
}

test('the signer is read with a proof against the block that the page trusts', async (t) => {
  const { l1, seen } = await begun(t);
  assert.deepEqual(seen.given, [[FIRST.signer, false]]);
  assert.deepEqual(seen.requested, ['eth_getBlockByHash', 'eth_getProof']);
  assert.deepEqual(seen.emitted, []);
  const { number, timestamp } = FIRST.header;
  assert.deepEqual(l1.source, { from: 'l1', date: null, block: Number(number), blockTime: Number(timestamp), readAt: NOW, error: null });
  assert.equal(SIGNER_SLOT, FIRST.proof.storageProof[0].key);
});

test('a rotation is followed at the next reading, and the previous signer gets its grace', async (t) => {
  const { l1, seen, pass } = await begun(t);
  seen.trusted = ROTATED.header.hash;
  await pass(RELOAD - 4_000);
  assert.equal(seen.given.length, 1);
  seen.now = Number(ROTATED.header.timestamp) * 1000;
  await pass(8_000);
  assert.deepEqual(seen.given, [[FIRST.signer, false], [ROTATED.signer, true]]);
  assert.equal(l1.source.block, Number(ROTATED.header.number));
});

test('when peers follow another signer it is read early, and not again and again', async (t) => {
  const hints = [{ event: 'signer_mismatch', expected: '0x1', found: '0x2', peers: 3 }, { event: 'rejected', fault: 'wrong_signer' }];
  for (const hint of hints) {
    const { l1, seen, pass } = await begun(t);
    await pass(40_000);
    for (let count = 0; count < 10; count += 1) {
      l1.track(hint);
      await pass(2_000);
    }
    assert.equal(seen.given.length, 2);
    await pass(30_000);
    assert.equal(seen.given.length, 3, 'once more for those that came after the reading');
    l1.track({ event: 'rejected', fault: 'signature' });
    await pass(40_000);
    assert.equal(seen.given.length, 3, 'what is signed by nobody says nothing about the signer');
    l1.end();
    t.mock.timers.reset();
  }
});

/** A copy with another value at a path. */
function altered(value, path, other) {
  const copy = structuredClone(value);
  const last = path.at(-1);
  path.slice(0, -1).reduce((object, key) => object[key], copy)[last] = other;
  return copy;
}

const onProof = (change) => (body, method) => (method === 'eth_getProof' ? change(body) : body);
const onHeader = (change) => (body, method) => (method === 'eth_getBlockByHash' ? change(body) : body);

/** Each way in which an L1 node can lie or fail, with the code of the event. */
const LIES = {
  'a header that does not hash': ['bad_header', onHeader((body) => altered(body, ['result', 'stateRoot'], ROTATED.header.stateRoot))],
  'a header of another block': ['bad_header', onHeader((body) => ({ ...body, result: ROTATED.header }))],
  'a header that claims the trusted hash': ['bad_header', onHeader((body) => ({ ...body, result: { ...ROTATED.header, hash: FIRST.header.hash } }))],
  'a header that is a list': ['bad_header', onHeader((body) => ({ ...body, result: [1, 2] }))],
  'no header': ['no_l1', onHeader((body) => ({ ...body, result: null }))],
  'a header that is too long': ['no_l1', onHeader((body) => altered(body, ['result', 'extraData'], `0x${'00'.repeat(40_000)}`))],
  'a block that is too long': ['no_l1', onHeader((body) => altered(body, ['result', 'transactions'], Array(20_000).fill(`0x${'11'.repeat(32)}`)))],
  'another value': ['bad_proof', onProof((body) => altered(body, ['result', 'storageProof', 0, 'value'], `0x${'bb'.repeat(20)}`))],
  'the proof of another block': ['bad_proof', onProof((body) => ({ ...body, result: ROTATED.proof }))],
  'a proof without its nodes': ['bad_proof', onProof((body) => altered(body, ['result', 'accountProof'], []))],
  'a proof of no slot': ['bad_proof', onProof((body) => altered(body, ['result', 'storageProof'], []))],
  'an empty proof': ['bad_proof', onProof((body) => ({ ...body, result: {} }))],
  'no proof': ['no_l1', onProof((body) => ({ ...body, result: null }))],
  'a proof that is too long': ['no_l1', onProof((body) => ({ ...body, padding: ' '.repeat(256 << 10) }))],
  'no such method': ['no_l1', onProof(() => ({ error: { code: -32601, message: 'no such method' } }))],
  'no JSON': ['no_l1', () => '<html>'],
  'a status': ['no_l1', () => new Response('busy', { status: 503 })],
  'no answer': ['no_l1', () => new TypeError('Failed to fetch')],
};

for (const [lie, [code, change]] of Object.entries(LIES)) {
  test(`${lie}: no signer at the start, and later the last one stays`, async (t) => {
    const { l1, seen, pass, codes } = await begun(t, { change });
    assert.deepEqual([seen.given, codes()], [[], [code]]);
    const [{ event, source, message, remedy, retryMs }] = seen.emitted;
    assert.deepEqual([event, source, retryMs], ['l1_failed', 'https://one.example', 2_000]);
    assert.ok(message.length > 10 && message.length < 500 && remedy.length > 10 && !`${message}${remedy}`.includes('secret'), message);
    assert.match(l1.source.error, /^https:\/\/one\.example: /);
    assert.equal(l1.source.block, null);

    seen.change = (body) => body;
    await pass(4_000);
    assert.deepEqual(seen.given, [[FIRST.signer, false]]);
    assert.equal(l1.source.error, null);
    seen.change = change;
    await pass(RELOAD + 2_000);
    assert.ok(codes().length >= 2 && codes().every((other) => other === code));
    assert.equal(seen.given.length, 1, 'nothing is given to the node');
    assert.deepEqual([l1.source.block === null, l1.source.error === null], [false, false]);
  });
}

test('every byte of the proof counts', async (t) => {
  const nodes = FIRST.proof.accountProof;
  for (const at of nodes.keys()) {
    for (let byte = 1; byte * 2 < nodes[at].length; byte += 37) {
      const place = byte * 2 + 1;
      const digit = nodes[at][place] === '0' ? '1' : '0';
      const other = altered(FIRST.proof, ['accountProof', at], nodes[at].slice(0, place) + digit + nodes[at].slice(place + 1));
      assert.throws(() => l1Signer(FIRST.header.stateRoot, systemConfig, JSON.stringify(other)), { code: 'bad_proof' }, `${at} ${byte}`);
    }
  }
  t.diagnostic('one in 37 here; all of them in core/tests/core/state_proof.rs');
});

test('a slot without a signer, and an address without a contract, are proven and change nothing', async (t) => {
  for (const other of cases.filter(({ error }) => error)) {
    const { seen, pass, codes, l1 } = await begun(t);
    seen.trusted = other.header.hash;
    seen.now = Number(other.header.timestamp) * 1000;
    await pass(RELOAD + 2_000);
    assert.deepEqual([seen.given.length, codes()[0]], [1, other.error], other.of);
    l1.end();
    t.mock.timers.reset();
  }
});

test('a reading never goes back to an older block, and takes none of the future', async (t) => {
  const { l1 } = await begun(t, { trusted: ROTATED.header.hash });
  assert.equal(l1.source.block, null, 'its block is ten minutes ahead');
  assert.match(l1.source.error, /ahead of this device's clock/);
  l1.end();
  t.mock.timers.reset();

  const later = await begun(t, { trusted: FIRST.header.hash });
  later.seen.now = Number(ROTATED.header.timestamp) * 1000;
  later.seen.trusted = ROTATED.header.hash;
  await later.pass(RELOAD + 2_000);
  later.seen.trusted = FIRST.header.hash;
  await later.pass(RELOAD + 2_000);
  assert.equal(later.codes()[0], 'old_header');
  assert.equal(later.seen.given.at(-1)[0], ROTATED.signer);
  // A clock that was set back behind the last reading: that one was made in what is now the future, and no longer counts.
  later.seen.now = NOW;
  await later.pass(RELOAD + 2_000);
  assert.equal(later.seen.given.at(-1)[0], FIRST.signer);
});

test('of several nodes the next one is asked, and the app is told of the one that lied', async (t) => {
  const change = (body, method, at) => (at === 0 && method === 'eth_getProof' ? { ...body, result: ROTATED.proof } : body);
  const { seen, l1 } = await begun(t, { requests: URLS, change });
  assert.deepEqual(seen.given, [[FIRST.signer, false]]);
  assert.deepEqual(seen.emitted.map(({ source, code, retryMs }) => [source, code, retryMs]), [['https://one.example', 'bad_proof', RELOAD]]);
  assert.equal(l1.source.error, null);
});

test('a node that does not know EIP-1898 is asked by the number', async (t) => {
  const change = (body, method, at, params) =>
    typeof params[2] === 'object' ? { error: { code: -32602, message: 'invalid argument 2' } } : body;
  const { seen } = await begun(t, { change });
  assert.deepEqual(seen.requested, ['eth_getBlockByHash', 'eth_getProof', 'eth_getProof']);
  assert.deepEqual(seen.given, [[FIRST.signer, false]]);
});

test('an app that names no block is told, and nothing is asked', async (t) => {
  const { seen, codes, pass } = await begun(t, { trusted: new Error('offline') });
  assert.deepEqual([codes(), seen.requested, seen.emitted[0].source], [['no_header'], [], 'header']);
  assert.match(seen.emitted[0].message, /offline/);
  seen.trusted = FIRST.header.hash;
  await pass(2_000);
  assert.equal(seen.given.length, 1);
});

test('a failed reading is repeated with backoff, a minute at most', async (t) => {
  const { seen, pass } = await begun(t, { change: () => new TypeError('Failed to fetch') });
  await pass(300_000);
  const waits = seen.emitted.map(({ retryMs }) => retryMs);
  assert.deepEqual(waits.slice(0, 7), [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test('a block that is fixed is read once', async (t) => {
  const { l1, seen, pass } = await begun(t, { header: FIRST.header.hash, trusted: new Error('nobody asks') });
  assert.equal(seen.given.length, 1);
  l1.track({ event: 'signer_mismatch' });
  await pass(600_000);
  assert.equal(seen.requested.length, 2);
});

test('after a sleep, and when the clock was set, it is read again', async (t) => {
  const { seen, pass } = await begun(t);
  await pass(60_000);
  seen.mono += 3_600_000;
  seen.now += 3_600_000;
  await pass(2_000);
  assert.equal(seen.given.length, 2);
  await pass(60_000);
  seen.now += 3_600_000;
  await pass(2_000);
  assert.equal(seen.given.length, 3);
});

test('a provider that verifies by itself is believed, on the right chain and with a recent block', async (t) => {
  const provider = { requests: [null], verifies: true };
  const { seen, l1, pass } = await begun(t, provider);
  assert.deepEqual(seen.given, [[FIRST.signer, false]]);
  assert.deepEqual(seen.requested, ['eth_chainId', 'eth_getBlockByNumber', 'eth_getStorageAt']);
  seen.newest = ROTATED;
  seen.now = Number(ROTATED.header.timestamp) * 1000;
  await pass(RELOAD + 2_000);
  assert.deepEqual(seen.given.at(-1), [ROTATED.signer, true]);
  assert.equal(l1.source.block, Number(ROTATED.header.number));
  t.mock.timers.reset();

  const wrong = {
    wrong_l1: (body, method) => (method === 'eth_chainId' ? { result: '0xa' } : body),
    no_l1_signer: (body, method) => (method === 'eth_getStorageAt' ? { result: `0x${'00'.repeat(32)}` } : body),
    no_l1: (body, method) => (method === 'eth_getBlockByNumber' ? { result: { number: '7' } } : body),
    old_header: (body, method) => (method === 'eth_getBlockByNumber' ? { result: { number: '0x7', timestamp: '0x7' } } : body),
    future_header: (body, method) => (method === 'eth_getBlockByNumber' ? { result: { number: '0x7', timestamp: '0xffffffff' } } : body),
  };
  for (const [code, change] of Object.entries(wrong)) {
    const { seen: other, codes, l1: reading } = await begun(t, { ...provider, change });
    assert.deepEqual([codes(), other.given], [[code], []]);
    reading.end();
    t.mock.timers.reset();
  }
});

test('after its end nothing is given to the node', async (t) => {
  let release;
  const change = (body, method) => (method === 'eth_getProof' ? new Promise((resolve) => (release = () => resolve(body))) : body);
  const { l1, seen } = await begun(t, { change });
  l1.end();
  release();
  await turns();
  assert.deepEqual([seen.given, seen.emitted], [[], []]);
});
