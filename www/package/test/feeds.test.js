// The streams of a follower: those that nobody refers to are forgotten.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { packageDist } from '../../folders.js';

const { Feeds } = await import(new URL('page/feeds.js', packageDist));

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

/** Collects what nobody refers to, and lets finalizers run. */
async function collect() {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    gc();
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a new stream for each item leaks neither streams nor listeners of a signal', async () => {
  const feeds = new Feeds();
  const { signal } = new AbortController();
  for (let number = 0; number < 500; number += 1) {
    const item = feeds.open(8, signal).next();
    feeds.each((feed) => feed.push(number));
    assert.equal((await item).value, number);
  }
  await collect();
  assert.ok(feeds.size < 10, `${feeds.size} of 500 streams are kept`);
  const listeners = getEventListeners(signal, 'abort').length;
  assert.ok(listeners < 10, `${listeners} listeners are kept`);
});

test('a stream with a read that waits is kept, whoever refers to it', async () => {
  const feeds = new Feeds();
  const reads = [feeds.open(8).next(), feeds.open(8).next()];
  await collect();
  assert.equal(feeds.size, 2);
  feeds.each((feed) => feed.push('item'));
  assert.deepEqual((await Promise.all(reads)).map(({ value }) => value), ['item', 'item']);
});

test('a loop gets every item although nothing else refers to its stream', async () => {
  const feeds = new Feeds();
  const seen = [];
  const read = (async () => {
    for await (const item of feeds.open(8)) if (seen.push(item) === 5) return;
  })();
  for (let number = 0; number < 5; number += 1) {
    await collect();
    feeds.each((feed) => feed.push(number));
  }
  await read;
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.equal(feeds.size, 0);
});

test('a signal ends its stream, and an aborted one gives an ended stream', async () => {
  const feeds = new Feeds();
  const controller = new AbortController();
  const [ended, other] = [feeds.open(8, controller.signal), feeds.open(8)];
  const [first, second] = [ended.next(), other.next()];
  controller.abort();
  assert.deepEqual(await first, { value: undefined, done: true });
  assert.deepEqual(await feeds.open(8, controller.signal).next(), { value: undefined, done: true });
  feeds.each((feed) => feed.push('item'));
  assert.deepEqual(await second, { value: 'item', done: false });
});
