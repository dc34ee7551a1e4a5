// Blocks that are saved over a reload: in a given store, one save at a time; errors of the store do not stop a follower.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { createFollower, loadChain } = await import(new URL('page/index.js', packageDist));
const { KnownChain } = await import(new URL('page/known-chain.js', packageDist));
const { PersistedChain } = await import(new URL('page/persisted-chain.js', packageDist));

const persistedChain = (store) => new PersistedChain(store, 'chain', new KnownChain());
const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
/** Two seconds a block, unless another interval is given. */
const link = (number, interval = 2000) => ({
  number,
  hash: `0x${'11'.repeat(31)}${String(number % 100).padStart(2, '0')}`,
  parent: `0x${'22'.repeat(32)}`,
  timestamp: Math.floor((number * interval) / 1000),
  timestamp_ms: number * interval,
});
/** Longer than blocks are collected before a save. */
const saved = () => new Promise((resolve) => setTimeout(resolve, 350));

function storeWith(links = []) {
  const saved = [];
  const numbers = (links) => links.map(({ number }) => number);
  return { saved, load: async () => links, save: async (key, now, added) => void saved.push([key, numbers(now), numbers(added)]) };
}

test('blocks are saved in batches: those of the last four minutes, at least 64 and at most 4800', async () => {
  for (const [interval, kept] of [[12_000, 64], [2_000, 121], [200, 1201], [10, 4800]]) {
    const store = storeWith([link(1, interval)]);
    const chain = persistedChain(store);
    await chain.load();
    for (let number = 2; number <= 6000; number += 1) chain.add(link(number, interval));
    assert.deepEqual(store.saved, []);
    await saved();
    assert.equal(store.saved.length, 1, 'there is one save');
    const [key, all, added] = store.saved[0];
    assert.equal(key, 'chain');
    assert.deepEqual([all.length, all[0], all.at(-1)], [kept, 6001 - kept, 6000]);
    assert.deepEqual(added, all);
  }
});

test('a save names the blocks since the last successful save', async () => {
  const store = storeWith([link(1), link(2)]);
  const chain = persistedChain({ ...store, save: (...all) => (store.fails ? Promise.reject(new Error('full')) : store.save(...all)) });
  await chain.load();
  chain.add(link(3));
  await saved();
  store.fails = true;
  chain.add(link(4));
  await saved();
  store.fails = false;
  chain.add(link(5));
  await saved();
  assert.deepEqual(store.saved.map(([, , added]) => added), [[3], [4, 5]]);
});

test('unsaved blocks are saved when the page is hidden and when the follower ends', async (t) => {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.removeEventListener = page.removeEventListener.bind(page);
  t.after(() => (delete globalThis.addEventListener, delete globalThis.removeEventListener));
  const store = storeWith();
  const chain = persistedChain(store);
  chain.add(link(1));
  page.dispatchEvent(new Event('pagehide'));
  assert.deepEqual(store.saved.map(([, , added]) => added), [[1]]);
  chain.add(link(2));
  chain.end();
  assert.deepEqual(store.saved.map(([, , added]) => added), [[1], [2]]);
  await saved();
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(store.saved.length, 2);
});

test('a store that hangs gets no second save', async () => {
  let [saves, finish] = [0, () => {}];
  const store = { load: async () => [], save: () => ((saves += 1), new Promise((resolve) => (finish = resolve))) };
  const chain = persistedChain(store);
  for (const number of [1, 2, 3]) {
    chain.add(link(number));
    await saved();
  }
  assert.equal(saves, 1);
  finish();
  await saved();
  assert.equal(saves, 2, 'the later blocks are saved when it no longer hangs');
  chain.end();
});

test('a save that fails is repeated less and less often', async () => {
  let saves = 0;
  const store = { load: async () => [], save: () => ((saves += 1), Promise.reject(new Error('full'))) };
  const chain = persistedChain(store);
  for (let number = 1; number <= 30; number += 1) {
    chain.add(link(number));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(saves >= 3 && saves <= 5, `${saves} saves in three seconds`);
  chain.end();
});

test('a lower head removes the blocks above it', async () => {
  const store = storeWith([link(1), link(2), link(3)]);
  const chain = persistedChain(store);
  await chain.load();
  chain.add(link(2));
  await saved();
  assert.deepEqual(store.saved.at(-1).slice(1), [[1, 2], [2]]);
});

test('a follower starts at the saved head', async () => {
  const store = storeWith([link(7)]);
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const follower = await createFollower({ chain: 'op-mainnet', relays, store });
  assert.deepEqual((await follower.status()).head, { number: 7, hash: link(7).hash });
  await follower.stop();
});

test('a chain has one key in the store, however it is named, and each signer has its own', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const keys = [];
  const store = { ...storeWith(), load: async (key) => (keys.push(key), []) };
  const object = await loadChain('op-mainnet');
  const { petrel, ...bare } = object;
  const [other, devnet] = [`0x${'AB'.repeat(20)}`, { ...object, genesis: { ...object.genesis, l2: { number: 0, hash: `0x${'33'.repeat(32)}` } } }];
  const ways = [['op-mainnet'], ['op'], [10], ['10'], [object], [bare, petrel.signer], ['op', other], [devnet]];
  for (const [chain, signer] of ways) await (await createFollower({ chain, relays, store, signer })).stop();
  assert.equal(new Set(keys.slice(0, 6)).size, 1);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[0], `10 ${object.genesis.l2.hash} by ${petrel.signer}`.toLowerCase());
});

test('a saved head of the future is dropped', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const store = storeWith([link(2 ** 40)]);
  const follower = await createFollower({ chain: 'op-mainnet', relays, store });
  assert.equal((await follower.status()).head, null);
  await follower.stop();
});

test('a store that hangs delays neither the start nor the stop', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const store = { load: () => new Promise(() => {}), save: async () => {} };
  const enough = new Error('enough');
  const controller = new AbortController();
  const starting = createFollower({ chain: 'op-mainnet', relays, store, signal: controller.signal });
  controller.abort(enough);
  await assert.rejects(starting, (thrown) => thrown === enough);
  const follower = await createFollower({ chain: 'op-mainnet', relays, store });
  assert.equal((await follower.status()).head, null);
  await follower.stop();
});

test('with a store that fails or returns invalid blocks a follower starts without a head', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const broken = { load: () => Promise.reject(new Error('forbidden')), save: () => Promise.reject(new Error('full')) };
  const foreign = { load: async () => [{ number: 'seven' }, null, 7], save: async () => {} };
  const fails = () => {
    throw new Error('defect of the store');
  };
  const throwing = { load: fails, save: fails, loadRelays: fails, saveRelays: fails };
  for (const store of [broken, foreign, throwing, null]) {
    const follower = await createFollower({ chain: 'op-mainnet', relays, store });
    assert.equal((await follower.status()).head, null);
    await follower.stop();
  }
  for (const store of [broken, foreign, throwing, { ...throwing, saveRelays: () => undefined }]) {
    const known = new KnownChain();
    const chain = new PersistedChain(store, 'chain', known);
    await chain.load();
    assert.deepEqual(known.blocks, []);
    assert.deepEqual(await chain.loadRelays(), []);
    chain.add(link(1));
    chain.saveRelays(['/ip4/192.0.2.1/tcp/1/ws']);
    await saved();
    chain.end();
  }
});
