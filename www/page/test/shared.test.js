// `share: 'tabs'`: the tabs of one origin have one node, in a shared worker or in the worker of the tab that they elect, in Chromium.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { browse, devnet, serve } from './harness.js';
import { listening } from './network.js';
import { connections, follow, heads, longestWait, threeTabs } from './tabs.js';

for (const elects of [false, true]) {
  const how = elects ? 'without a SharedWorker' : 'with a SharedWorker';

  test(`three tabs have one connection, and the others miss no block when one is closed, ${how}`, { timeout: 180_000 }, async (t) => {
    const { daemon, tabs, started, consoleErrors } = await threeTabs(t, { elects });
    assert.deepEqual(started.map(({ thread }) => thread), ['shared', 'shared', 'shared']);
    assert.equal(new Set(started.map(({ peer }) => peer)).size, 1);
    await Promise.all(tabs.map((tab) => heads(tab, 3)));
    assert.equal(connections(daemon), 1);

    // The tab that started the node.
    await tabs[0].close();
    for (const tab of tabs.slice(1)) {
      await heads(tab, 12);
      t.diagnostic(`the longest wait for a head was ${await longestWait(tab)} ms, blocks come every 500`);
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
}

test('two chains are in one shared worker', { timeout: 120_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '5kB']);
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const other = { ...chain, l2_chain_id: 9_022_111, petrel: { ...chain.petrel, name: 'other' } };
  const relays = { [chain.l2_chain_id]: [await listening(daemon, '/ws/')], [other.l2_chain_id]: ['http://127.0.0.1:9/'] };
  const options = { chains: [chain, other], relays, signers: { [chain.l2_chain_id]: signer, other: signer }, store: null, share: 'tabs' };
  const { page } = await browse(t, new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href);
  await page.evaluate(follow, options);
  const statuses = await page.evaluate(() => globalThis.petrel.status());
  assert.deepEqual(statuses.map(({ thread }) => thread), ['shared', 'shared']);
  assert.equal(statuses[0].moduleBytes, statuses[1].moduleBytes);
  assert.equal(page.workers().length, 0, 'no dedicated worker');
});
