// Tabs of one origin that share a node, on a devnet.

import assert from 'node:assert/strict';
import { packageDist } from '../../folders.js';
import { browse, devnet, json, serve } from './harness.js';
import { listening } from './network.js';

/** How many connections of browsers the daemon has. */
export function connections(daemon) {
  const events = daemon.lines.map(json).filter((event) => event?.event === 'connected' || event?.event === 'disconnected');
  const leaves = new Set(events.filter(({ leaf }) => leaf).map(({ peer }) => peer));
  return events.filter(({ peer }) => leaves.has(peer)).reduce((sum, { event }) => sum + (event === 'connected' ? 1 : -1), 0);
}

/** In a page: follows the chain, and collects the numbers of its heads and blocks, and when the heads came. */
export async function follow(options) {
  const { createPetrel } = await import('/page/index.js');
  const petrel = await createPetrel(options);
  const [chain] = petrel.chains;
  Object.assign(globalThis, { petrel, heads: [], blocks: [], times: [] });
  chain.on('head', ({ number }) => globalThis.heads.push(number) && globalThis.times.push(Date.now()));
  chain.on('block', ({ number }) => globalThis.blocks.push(number));
  const { thread, peer } = await chain.status();
  return { thread, peer };
}

/** Waits for so many heads; their numbers and those of the blocks, which are one after the other. */
export async function heads(page, count) {
  const told = () => page.evaluate(() => ({ heads: globalThis.heads, blocks: globalThis.blocks }));
  const until = performance.now() + 30_000;
  while ((await told()).heads.length < count && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  const { heads, blocks } = await told();
  assert.ok(heads.length >= count, `only ${heads.length} heads`);
  assert.deepEqual(heads, heads.map((_, at) => heads[0] + at), 'no head is missed, and none is told twice');
  const rising = [...blocks].sort((one, other) => one - other);
  assert.deepEqual(rising, rising.map((_, at) => rising[0] + at), 'no block is missed, and none is told twice');
  return heads;
}

/** The longest time between two heads, milliseconds. */
export async function longestWait(page) {
  const times = await page.evaluate(() => globalThis.times);
  return Math.max(...times.slice(1).map((time, at) => time - times[at]));
}

/** A devnet, what `follow` needs to follow it by this protocol, and the site of the package, whose pages are its scripts. */
export async function devnetSite(t, protocol = '/ws/') {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '5kB']);
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const options = { chains: [chain], relays: [await listening(daemon, protocol)], signers: { [chain.l2_chain_id]: signer }, store: null, share: 'tabs' };
  return { daemon, options, site: new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href };
}

/** Three tabs of Chromium that follow a devnet, and what they started with. */
export async function threeTabs(t, { elects = false, ignored = [], ...more } = {}) {
  const { daemon, options, site } = await devnetSite(t);
  const { page, consoleErrors } = await browse(t, site, {}, [], ignored);
  const context = page.context();
  if (elects) await context.addInitScript(() => delete globalThis.SharedWorker);
  const tabs = [page, await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto(site);
  const started = [];
  for (const tab of tabs) started.push(await tab.evaluate(follow, { ...options, ...more }));
  return { daemon, tabs, started, consoleErrors };
}
