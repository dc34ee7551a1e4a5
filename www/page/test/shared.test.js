// `share: 'tabs'`: the tabs of one origin have one node in a shared worker, in Chromium.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { browse, devnet, json, serve } from './harness.js';
import { listening } from './network.js';

/** How many connections of browsers the daemon has. */
function connections(daemon) {
  const events = daemon.lines.map(json).filter((event) => event?.event === 'connected' || event?.event === 'disconnected');
  const leaves = new Set(events.filter(({ leaf }) => leaf).map(({ peer }) => peer));
  return events.filter(({ peer }) => leaves.has(peer)).reduce((sum, { event }) => sum + (event === 'connected' ? 1 : -1), 0);
}

/** In a page: follows the chain and collects the numbers of its heads. */
async function follow(options) {
  const { createPetrel } = await import('/page/index.js');
  const petrel = await createPetrel({ ...options, share: 'tabs' });
  const [chain] = petrel.chains;
  globalThis.heads = [];
  chain.on('head', ({ number }) => globalThis.heads.push(number));
  globalThis.petrel = petrel;
  const { thread, peer } = await chain.status();
  return { thread, peer };
}

async function heads(page, count) {
  await page.waitForFunction((count) => globalThis.heads.length >= count, count, { timeout: 30_000 });
  return page.evaluate(() => globalThis.heads);
}

test('three tabs have one connection, and the others miss no block when one is closed', { timeout: 180_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '5kB']);
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const options = { chains: [chain], relays: [await listening(daemon, '/ws/')], signers: { [chain.l2_chain_id]: signer }, store: null };
  const { page, consoleErrors } = await browse(t, new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href);
  const tabs = [page, await page.context().newPage(), await page.context().newPage()];
  for (const tab of tabs.slice(1)) await tab.goto(page.url());
  const started = [];
  for (const tab of tabs) started.push(await tab.evaluate(follow, options));
  assert.deepEqual(started.map(({ thread }) => thread), ['shared', 'shared', 'shared']);
  assert.equal(new Set(started.map(({ peer }) => peer)).size, 1);
  await Promise.all(tabs.map((tab) => heads(tab, 3)));
  assert.equal(connections(daemon), 1);

  // The tab that started the node.
  await tabs[0].close();
  for (const tab of tabs.slice(1)) {
    const numbers = await heads(tab, 12);
    assert.deepEqual(numbers, numbers.map((_, at) => numbers[0] + at), 'no block is missed');
  }
  assert.equal(connections(daemon), 1);
  const asked = await tabs[1].evaluate(async () => (await globalThis.petrel.chains[0].block('latest')).number);
  assert.ok(asked > 0);

  await tabs[1].close();
  await tabs[2].evaluate(() => globalThis.petrel.stop());
  const until = performance.now() + 10_000;
  while (connections(daemon) > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(connections(daemon), 0, 'the node ends with the last tab');
  // The test's server has no icon.
  assert.deepEqual(consoleErrors.filter((error) => !error.includes('404')), []);
});

test('two chains are in one shared worker', { timeout: 120_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '5kB']);
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const other = { ...chain, l2_chain_id: 9_022_111, petrel: { ...chain.petrel, name: 'other' } };
  const relays = { [chain.l2_chain_id]: [await listening(daemon, '/ws/')], [other.l2_chain_id]: ['http://127.0.0.1:9/'] };
  const options = { chains: [chain, other], relays, signers: { [chain.l2_chain_id]: signer, other: signer }, store: null };
  const { page } = await browse(t, new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href);
  await page.evaluate(follow, options);
  const statuses = await page.evaluate(() => globalThis.petrel.status());
  assert.deepEqual(statuses.map(({ thread }) => thread), ['shared', 'shared']);
  assert.equal(statuses[0].moduleBytes, statuses[1].moduleBytes);
  assert.equal(page.workers().length, 0, 'no dedicated worker');
});
