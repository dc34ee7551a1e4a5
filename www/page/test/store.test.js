// What a tab saves in IndexedDB: two tabs of one chain, a full disk, and a transaction of another tab that never ends.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { browse, devnet, savedBlocks, serve } from './harness.js';

const LIMIT = { timeout: 150_000 };

/** Waits until the page has shown this many blocks since it was loaded. */
function blocks(page, count) {
  return page.waitForFunction((count) => document.querySelectorAll('#rows tr').length >= count, count, { timeout: 60_000 });
}

/** Opens the store of the package in a page; the blocks of the key `chain` are loaded. */
function open(page) {
  return page.evaluate(async () => {
    const { indexedDbStore } = await import('/page/index.js');
    const hash = (number, branch) => `${branch}${number}`;
    const link = (number, branch) => ({ number, hash: hash(number, branch), parent: hash(number - 1, branch), timestamp: number, timestamp_ms: number * 1000 });
    const chain = (from, to, branch) => Array.from({ length: to - from + 1 }, (_, at) => link(from + at, branch));
    window.store = indexedDbStore();
    // Blocks 1 to `to`, of which those from `first` on were not in the last save.
    window.save = (first, to, branch = 'a', closes = false) => {
      const links = [...chain(1, first - 1, 'a'), ...chain(first, to, branch)];
      return store.save('chain', links, links.slice(first - 1), closes);
    };
    window.saved = async () => (await indexedDbStore().load('chain')).map(({ hash }) => hash).join(' ');
    await store.load('chain');
  });
}

const hashes = (from, to, branch = 'a') => Array.from({ length: to - from + 1 }, (_, at) => `${branch}${from + at}`);

test('two tabs of one chain do not overwrite what the other has saved', LIMIT, async (t) => {
  const url = await serve(t, null, { root: packageDist });
  const { page: one } = await browse(t, `${url}page/index.js`);
  const other = await one.context().newPage();
  await other.goto(`${url}page/index.js`);
  await Promise.all([open(one), open(other)]);
  const save = (page, ...values) => page.evaluate((values) => window.save(...values), values);
  const check = async (expected, why) => assert.equal(await one.evaluate(() => window.saved()), expected.join(' '), why);

  await save(one, 1, 10);
  await save(other, 1, 5);
  await check(hashes(1, 10), 'a tab that is behind deletes nothing');
  await save(other, 6, 12);
  await check(hashes(1, 12), 'a tab that goes further writes all that is missing');
  await save(one, 11, 13);
  await save(other, 13, 13);
  await save(one, 14, 14);
  await check(hashes(1, 14), 'they may save the same block');
  await save(one, 11, 12, 'b');
  await check([...hashes(1, 10), ...hashes(11, 12, 'b')], 'a tab goes back in a reorg of its own chain');
  await save(one, 13, 13, 'b', true);
  assert.match(await one.evaluate(() => window.saved()), / b13$/, 'a tab that is closed saves at once');
});

test('where nothing can be written, as with a quota of zero, blocks go on', LIMIT, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { page, consoleErrors } = await browse(t, 'about:blank');
  // Chromium's own override of a quota has no effect on IndexedDB.
  await page.addInitScript(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (...values) {
      const request = put.apply(this, values);
      this.transaction.abort();
      return request;
    };
  });
  await page.goto(url);
  await blocks(page, 8);
  assert.equal((await savedBlocks(page)).count, 0);
  assert.match(await page.locator('#state').textContent(), /live/i);
  assert.deepEqual(consoleErrors, []);
});

test("while another tab's transaction never ends blocks go on", LIMIT, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { page, consoleErrors } = await browse(t, url);
  await blocks(page, 3);
  await savedBlocks(page);
  const other = await page.context().newPage();
  await other.goto(new URL('relay.json', url).href);
  await other.evaluate(async () => {
    const request = indexedDB.open('petrel');
    const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const table = database.transaction('links', 'readwrite').objectStore('links');
    const again = () => (table.count().onsuccess = again);
    await new Promise((resolve) => (table.count().onsuccess = () => (again(), resolve())));
  });
  await page.reload();
  await blocks(page, 5);
  assert.match(await page.locator('#state').textContent(), /live/i);
  assert.deepEqual(consoleErrors, []);
});
