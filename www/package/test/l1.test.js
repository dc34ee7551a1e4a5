// The option `l1`: its mistakes, the questions that the page answers, a follower that reads its signer from an L1 node over HTTP and through a
// provider of the app, and the chains of `createPetrel`.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { FIRST, resultOf, ROTATED, served, systemConfig } from './l1-vectors.js';

const { createFollower, createPetrel, loadChain } = await import(new URL('page/index.js', packageDist));
const { L1Page, shortText } = await import(new URL('page/l1.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];
const options = { chain: 'op-mainnet', relays, store: null };
const header = async () => FIRST.header;
const HASH = FIRST.header.hash;
const request = 'https://l1.example';

/** A provider of the app with this newest block. */
const provider = (newest = FIRST) => ({ request: async ({ method, params }) => resultOf(newest, method, params) });

async function following(given, body) {
  const follower = await createFollower({ ...options, ...given });
  try {
    return await body(follower);
  } finally {
    await follower.stop();
  }
}

/** The first event of this kind. */
async function first(follower, kind) {
  for await (const event of follower.events()) if (event.event === kind) return event;
  throw new Error(`no ${kind}`);
}

test('each mistake in the option is refused with its remedy', async () => {
  const wrong = [
    7, 'https://l1.example', null, [], {}, { request }, { header }, { request, header: 7 }, { request, header: '0x12' }, { request: [], header },
    { request: Array(9).fill(request), header }, { request: 'l1.example', header }, { request: 'wss://l1.example', header }, { request: 7, header },
    { request: 'https://user:pass@l1.example', header }, { request: {}, header }, { request, haeder: header }, { request, header, more: 1 },
  ];
  for (const l1 of wrong) {
    const error = await createFollower({ ...options, l1 }).catch((thrown) => thrown);
    assert.equal(error.code, 'bad_l1', JSON.stringify(l1));
    assert.ok(error.message.length > 20 && error.remedy.length > 10);
    assert.ok(!error.message.includes('pass@'));
  }
  const misspelt = await createFollower({ ...options, l1: { request, haeder: header } }).catch((thrown) => thrown);
  assert.match(misspelt.remedy, /header/);
  const { l1_system_config_address: _, ...without } = await loadChain('op-mainnet');
  const l1 = { request, header };
  for (const more of [{ chain: without }, { signer: FIRST.signer }]) {
    await assert.rejects(createFollower({ ...options, l1, ...more }), { code: 'bad_l1' });
  }
});

test('a block of L1 is named by its hash or by anything that has one', async () => {
  for (const block of [HASH, { hash: HASH }, FIRST.header]) {
    const page = new L1Page({ request, header: () => block });
    assert.equal(await page.answer({ what: 'header' }), JSON.stringify(HASH));
    assert.deepEqual(page.config, { requests: ['https://l1.example/'], header: null, verifies: false });
  }
  for (const block of [undefined, null, 7, '0x12', {}, { hash: null }]) {
    await assert.rejects(new L1Page({ request, header: async () => block }).answer({ what: 'header' }), /no hash/);
  }
  assert.deepEqual(new L1Page({ request: new URL(request), header: HASH }).config, { requests: ['https://l1.example/'], header: HASH, verifies: false });
  assert.equal(new L1Page(provider()).config.verifies, true);
  assert.deepEqual(new L1Page({ ...provider(), header }).config, { requests: [null], header: null, verifies: false });
});

test("the page asks the app's providers, and bounds what they answer and how many never do", async () => {
  const ask = (at, most = 1e6) => ({ what: 'request', at, method: 'eth_chainId', params: [], most });
  const page = new L1Page({ request: [request, provider()], header });
  assert.equal(await page.answer(ask(1)), '"0x1"');
  await assert.rejects(page.answer(ask(1, 3)), /more than 3/);
  for (const at of [0, 2, -1]) await assert.rejects(page.answer(ask(at)), /no such provider/);
  const cyclic = {};
  cyclic.self = cyclic;
  for (const result of [cyclic, 7n]) await assert.rejects(new L1Page({ request: async () => result }).answer(ask(0)));
  const silent = new L1Page({ request: () => new Promise(() => {}) });
  for (let count = 0; count < 8; count += 1) void silent.answer(ask(0));
  await assert.rejects(silent.answer(ask(0)), /have not been answered/);
  assert.equal(shortText({ code: 4001, message: 'x'.repeat(1000) }).length, 200);
});

test('without l1 the status says where the signer is from, and how old that is', async () => {
  const none = { date: null, block: null, blockTime: null, readAt: null, error: null };
  await following({}, async (follower) => {
    const { signer, signerSource } = await follower.status();
    assert.match(signerSource.date, /^\d{4}-\d\d-\d\d$/);
    assert.deepEqual({ ...signerSource, date: null }, { from: 'preset', ...none });
    assert.match(signer, /^0x/);
  });
  await following({ signer: FIRST.signer }, async (follower) => {
    assert.deepEqual((await follower.status()).signerSource, { from: 'option', ...none });
  });
});

test('a follower reads its signer from an L1 node, and has none before', async (t) => {
  const node = await served(t);
  await following({ l1: { request: node.url, header } }, async (follower) => {
    const event = await first(follower, 'signer_changed');
    assert.deepEqual(event, { event: 'signer_changed', previous: null, current: FIRST.signer, grace: null });
    const { signer, signerSource } = await follower.status();
    assert.deepEqual([signer, signerSource.from, signerSource.block], [FIRST.signer, 'l1', Number(FIRST.header.number)]);
    assert.ok(Date.now() - signerSource.readAt < 60_000);
    assert.deepEqual(node.requests, ['eth_getBlockByHash', 'eth_getProof']);
  });
});

test('an L1 node that lies leaves the follower without a signer, and the status says why', async (t) => {
  const node = await served(t, { change: (answer, method) => (method === 'eth_getProof' ? { ...answer, result: ROTATED.proof } : answer) });
  await following({ l1: { request: node.url, header } }, async (follower) => {
    const { code, source, message } = await first(follower, 'l1_failed');
    assert.deepEqual([code, source], ['bad_proof', new URL(node.url).origin]);
    const { signer, signerSource } = await follower.status();
    assert.equal(signer, null);
    assert.equal(signerSource.error, `${source}: ${message}`);
    node.change = (answer) => answer;
    assert.equal((await first(follower, 'signer_changed')).current, FIRST.signer);
  });
});

test("the app's own provider is asked on its page: proven with a header, believed without", async () => {
  for (const l1 of [{ request: provider(), header: HASH }, { ...provider(), header }]) {
    await following({ l1 }, async (follower) => {
      assert.equal((await first(follower, 'signer_changed')).current, FIRST.signer);
    });
  }
  const recent = { ...FIRST.header, timestamp: `0x${Math.floor(Date.now() / 1000).toString(16)}` };
  await following({ l1: provider({ ...FIRST, header: recent }) }, async (follower) => {
    assert.equal((await first(follower, 'signer_changed')).current, FIRST.signer);
  });
  assert.ok(systemConfig);
});

test('the chains of createPetrel read their signers from one source, or each from its own', async () => {
  const started = async (l1, body, more = {}) => {
    const petrel = await createPetrel({ chains: [10, 8453], relays, store: null, l1, ...more });
    const sources = async () => (await petrel.status()).map(({ signerSource }) => signerSource.from);
    await body(petrel, await sources()).finally(() => petrel.stop());
  };
  const source = { request: provider(), header };
  for (const [l1, expected] of [[source, ['l1', 'l1']], [{ op: source }, ['l1', 'preset']], [{ ...provider(), header }, ['l1', 'l1']]]) {
    await started(l1, async (petrel, sources) => {
      assert.deepEqual(sources, expected);
      assert.equal((await first(petrel.chain(10), 'signer_changed')).current, FIRST.signer);
    });
  }
  await started({ base: source }, async (petrel, sources) => {
    assert.deepEqual(sources, ['preset', 'l1']);
    // The proof is of the other chain's contract.
    assert.equal((await first(petrel.chain(8453), 'l1_failed')).code, 'bad_proof');
  });
  await started({ request, header: HASH }, async (_, sources) => assert.deepEqual(sources, ['l1', 'l1']), { share: 'tabs' });
});

test('each mistake in the option of createPetrel is refused, and what one tab alone can answer where tabs share a node', async () => {
  const refusal = (l1, more) => createPetrel({ chains: [10, 8453], relays, store: null, l1, ...more }).then(() => assert.fail('it was accepted'), (thrown) => thrown);
  for (const l1 of [7, 'https://l1.example', null, [], {}, { request }, { header }, { 10: { request } }, { 10: {} }, { 10: 7 }]) {
    assert.equal((await refusal(l1)).code, 'bad_l1', JSON.stringify(l1));
  }
  for (const l1 of [{ 1: { request, header } }, { haeder: header }, { 10: { request, header }, op: { request, header } }]) {
    assert.equal((await refusal(l1)).code, 'bad_options', JSON.stringify(l1));
  }
  assert.equal((await refusal({ 10: { request, header } }, { signers: { 10: FIRST.signer } })).code, 'bad_l1');
  for (const l1 of [{ request, header }, { request: [request, provider()], header: HASH }, provider(), { 8453: { request, header } }]) {
    const error = await refusal(l1, { share: 'tabs' });
    assert.equal(error.code, 'bad_options', error.message);
    assert.match(error.remedy, /the hash of a block/);
  }
});
