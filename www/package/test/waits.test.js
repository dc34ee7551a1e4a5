// Waits for blocks and transactions leave no listener, however they end. The emitter is the real one; the window is empty.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { turns } from './fake-worker.js';

const { Chain } = await import(new URL('page/chain.js', packageDist));
const { Emitter } = await import(new URL('page/emitter.js', packageDist));
const { Log } = await import(new URL('page/logger.js', packageDist));

const TX = `0x${'7'.repeat(64)}`;

function empty() {
  const emitter = new Emitter(new Log(undefined, 10));
  const node = {
    id: 10,
    name: 'a chain',
    position: emitter.position,
    signal: new AbortController().signal,
    on: (...given) => emitter.on(...given),
    onHead: (listener) => emitter.on('head', listener),
    onReorg: (listener) => emitter.on('reorg', listener),
    call: async () => undefined,
  };
  return { emitter, chain: new Chain(node, { proofs: [], unverified: [] }) };
}

const head = (number) => ({ event: 'head', number, hash: '0x', parent: '0x', timestamp: 0, timestampMs: 0, why: 'extended' });

test('a wait for a transaction has two listeners, after a thousand blocks too, and none at its end', async () => {
  const { emitter, chain } = empty();
  const controller = new AbortController();
  const { signal } = controller;
  const ends = [chain.waitForTransaction(TX, { signal }).catch(() => 'ended'), chain.watchTransaction(TX, { signal }).next()];
  for (let number = 0; number < 1000; number += 1) {
    await turns();
    emitter.emit(head(number));
  }
  await turns();
  assert.equal(emitter.listeners, 4);
  controller.abort();
  assert.deepEqual(await Promise.all(ends), ['ended', { value: undefined, done: true }]);
  assert.equal(emitter.listeners, 0);
});

test('a wait for the next block has none after it, nor after an abort', async () => {
  const { emitter, chain } = empty();
  const next = chain.nextBlock();
  emitter.emit({ event: 'block', number: 5 });
  assert.equal((await next).number, 5);
  const controller = new AbortController();
  const never = assert.rejects(chain.nextBlock({ signal: controller.signal }), /enough/);
  assert.equal(emitter.listeners, 1);
  controller.abort(new Error('enough'));
  await never;
  assert.equal(emitter.listeners, 0);
});

test('a watch that nobody reads has no listener and keeps nothing', async () => {
  const { emitter, chain } = empty();
  const watches = Array.from({ length: 100 }, () => chain.watchTransaction(TX));
  await turns();
  assert.equal(emitter.listeners, 0);
  for (const watch of watches) await watch.return();
});

test('streams that nobody reads keep no more than their bound', () => {
  const { emitter } = empty();
  const [blocks, few] = [emitter.blocks({}), emitter.blocks({ buffer: 3 })];
  for (let number = 0; number < 5_000; number += 1) emitter.emit({ event: 'block', number });
  assert.deepEqual([blocks.missed, few.missed], [5_000 - 2_048, 4_997]);
});

test('listeners hear nothing after the end, whoever emits', () => {
  const { emitter, chain } = empty();
  chain.on('event', () => assert.fail('called'));
  emitter.end(undefined);
  emitter.emit(head(5));
  assert.deepEqual([emitter.listeners, emitter.position.head], [0, null]);
});
