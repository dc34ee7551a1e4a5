// The stream between a node that does not wait and a reader that may be slow.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { Feed } = await import(new URL('page/feed.js', packageDist));

const item = (value) => ({ value, done: false });
const done = { value: undefined, done: true };

test('items are read in order, by a reader that waits and by a later one', async () => {
  const feed = new Feed(8);
  const first = feed.next();
  feed.push('a');
  feed.push('b');
  assert.deepEqual([await first, await feed.next()], [item('a'), item('b')]);
});

test('a slow reader loses the oldest items, and they are counted', async () => {
  const feed = new Feed(3);
  for (let value = 0; value < 1000; value += 1) feed.push(value);
  assert.equal(feed.missed, 997);
  assert.deepEqual([await feed.next(), await feed.next(), await feed.next()], [item(997), item(998), item(999)]);
});

test('an invalid buffer size is one item', async () => {
  for (const limit of [0, -5, NaN, 0.5]) {
    const feed = new Feed(limit);
    feed.push('old');
    feed.push('new');
    assert.equal(feed.missed, 1, `limit ${limit}`);
    assert.deepEqual(await feed.next(), item('new'));
  }
});

test('after the end buffered items can be read, and none is added', async () => {
  let ends = 0;
  const feed = new Feed(8, () => (ends += 1));
  feed.push('a');
  feed.end();
  feed.end();
  feed.push('late');
  assert.deepEqual([await feed.next(), await feed.next(), await feed.next()], [item('a'), done, done]);
  assert.equal(ends, 1);
});

test('a failure is thrown once, after the buffered items', async () => {
  const feed = new Feed(8);
  feed.push('a');
  feed.end({ thrown: new Error('broken') });
  assert.deepEqual(await feed.next(), item('a'));
  await assert.rejects(feed.next(), /broken/);
  assert.deepEqual(await feed.next(), done);
});

test('of several waiting reads one gets the failure and the rest the end', async () => {
  const feed = new Feed(8);
  const [first, second] = [feed.next(), feed.next()];
  feed.end({ thrown: new Error('broken') });
  await assert.rejects(first, /broken/);
  assert.deepEqual(await second, done);
});

test('breaking out of a loop ends the stream', async () => {
  let ended = false;
  const feed = new Feed(8, () => (ended = true));
  feed.push('a');
  feed.push('b');
  for await (const value of feed) {
    assert.equal(value, 'a');
    break;
  }
  assert.ok(ended);
  assert.deepEqual(await feed.next(), done);
});
