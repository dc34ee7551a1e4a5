// What is kept over a reload: in a store that is given, one save at a time, and never a reason to fail.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Memory } from '../dist/package/store.js';
import { createFollower } from '../dist/package/index.js';

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
const link = (number) => ({ number, hash: `0x${'11'.repeat(31)}${String(number % 100).padStart(2, '0')}`, parent: `0x${'22'.repeat(32)}`, timestamp: number });

function given(links = []) {
  const saved = [];
  return { saved, load: async () => links, save: async (key, now) => void saved.push([key, now.map(({ number }) => number)]) };
}

test('links are saved as they come, the latest 64, one save at a time', async () => {
  const store = given([link(1)]);
  const memory = new Memory(store, 'chain');
  await memory.load();
  for (let number = 2; number <= 100; number += 1) memory.keep(link(number));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const [key, last] = store.saved.at(-1);
  assert.equal(key, 'chain');
  assert.deepEqual([last.length, last[0], last.at(-1)], [64, 37, 100]);
  assert.ok(store.saved.length <= 3, 'what comes meanwhile waits for one save');
});

test('a head that falls back takes what was above it along', async () => {
  const store = given([link(1), link(2), link(3)]);
  const memory = new Memory(store, 'chain');
  await memory.load();
  memory.keep(link(2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(store.saved.at(-1)[1], [1, 2]);
});

test('a follower begins where the last one ended', async () => {
  const store = given([link(7)]);
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const follower = await createFollower({ chain: 'op-mainnet', relays, store });
  assert.deepEqual((await follower.status()).head, { number: 7, hash: link(7).hash });
  await follower.stop();
});

test('a head that is not due yet is not believed, and each signer has a memory of its own', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const keys = [];
  const store = { ...given(), load: async (key) => (keys.push(key), [link(2 ** 40)]) };
  for (const signer of [undefined, `0x${'AB'.repeat(20)}`]) {
    const follower = await createFollower({ chain: 'op-mainnet', relays, store, signer });
    assert.equal((await follower.status()).head, null);
    await follower.stop();
  }
  assert.deepEqual(keys, ['op-mainnet', `op-mainnet by 0x${'ab'.repeat(20)}`]);
});

test('a store that hangs holds up neither the start nor its end', async () => {
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

test('a store that fails or holds nonsense costs the memory alone', async () => {
  const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
  const broken = { load: () => Promise.reject(new Error('forbidden')), save: () => Promise.reject(new Error('full')) };
  const foreign = { load: async () => [{ number: 'seven' }], save: async () => {} };
  for (const store of [broken, foreign, null]) {
    const follower = await createFollower({ chain: 'op-mainnet', relays, store });
    assert.equal((await follower.status()).head, null);
    await follower.stop();
  }
  const memory = new Memory(broken, 'chain');
  assert.deepEqual(await memory.load(), []);
  memory.keep(link(1));
});
