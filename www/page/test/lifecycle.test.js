// Tabs that share a node are killed, frozen, or kept in the back/forward cache, in Chromium: the others go on, and who comes back misses
// no block.

import assert from 'node:assert/strict';
import test from 'node:test';

import { connections, heads, longestWait, threeTabs } from './tabs.js';

/** The Chrome DevTools protocol of a tab. */
const devtools = (tab) => tab.context().newCDPSession(tab);
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Nothing happens in the tab's worker for so many milliseconds. */
async function freezeWorker(tab, ms) {
  const [worker] = tab.workers();
  const wait = (ms) => Atomics.wait(new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer), 0, 0, ms);
  await worker.evaluate(`setTimeout(${wait}, 0, ${ms})`);
}

for (const elects of [false, true]) {
  const how = elects ? 'without a SharedWorker' : 'with a SharedWorker';

  test(`a tab whose process is killed ends no other, ${how}`, { timeout: 120_000 }, async (t) => {
    const { daemon, tabs } = await threeTabs(t, { elects });
    await Promise.all(tabs.map((tab) => heads(tab, 3)));
    const session = await devtools(tabs[0]);
    session.send('Page.crash').catch(() => {});
    for (const tab of tabs.slice(1)) {
      await heads(tab, 12);
      t.diagnostic(`the longest wait for a head was ${await longestWait(tab)} ms, blocks come every 500`);
    }
    await after(1_000);
    assert.equal(connections(daemon), 1);
  });

  test(`a tab that is frozen ends no other, and when it goes on it has every block, ${how}`, { timeout: 120_000 }, async (t) => {
    const { daemon, tabs } = await threeTabs(t, { elects });
    await Promise.all(tabs.map((tab) => heads(tab, 3)));
    const session = await devtools(tabs[0]);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    // The protocol freezes a page alone. Browsers freeze its worker too: this one waits, and answers nobody, until the page goes on.
    const workers = tabs[0].workers();
    if (elects) await freezeWorker(tabs[0], 8_000);
    for (const tab of tabs.slice(1)) {
      await heads(tab, 20);
      t.diagnostic(`the longest wait for a head was ${await longestWait(tab)} ms, blocks come every 500`);
    }
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await heads(tabs[0], 25);
    assert.deepEqual(tabs[0].workers(), workers, 'a worker that stands still is not replaced');
    assert.ok((await heads(tabs[0], 25)).at(-1) >= (await heads(tabs[1], 20)).at(-1) - 1);
    await after(1_000);
    assert.equal(connections(daemon), 1);
  });
}

for (const [how, given] of [
  ['whose node is shared in a SharedWorker', { share: 'tabs' }],
  ['whose node is shared without a SharedWorker', { share: 'tabs', elects: true }],
  ['with a node of its own', { share: undefined }],
]) {
  test(`a tab ${how} that was in the back/forward cache has every block`, { timeout: 120_000 }, async (t) => {
    const { daemon, tabs } = await threeTabs(t, { ...given, ignored: ['--disable-back-forward-cache'] });
    await Promise.all(tabs.map((tab) => heads(tab, 3)));
    await tabs[0].evaluate(() => addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted)));
    await tabs[0].goto('data:text/html,elsewhere', { waitUntil: 'commit' });
    for (const tab of tabs.slice(1)) await heads(tab, 12);
    await tabs[0].goBack({ waitUntil: 'commit' });
    assert.equal(await tabs[0].evaluate(() => globalThis.persisted), true);
    await heads(tabs[0], 20);
    await after(1_000);
    assert.equal(connections(daemon), given.share ? 1 : 3);
  });
}
