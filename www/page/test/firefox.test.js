// The package in Firefox: a tab follows by WebSocket and by WebTransport, and tabs share a node, also where there is no SharedWorker.

import assert from 'node:assert/strict';
import test from 'node:test';

import { firefox, launchFirefox } from './firefox.js';
import { listening } from './network.js';
import { connections, devnetSite, follow, heads, longestWait } from './tabs.js';

const without = firefox ? false : 'there is no Firefox: PETREL_FIREFOX names none';
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tabs that follow a devnet. */
async function tabsOf(t, count, { elects = false, protocol = '/ws/', ...more } = {}) {
  const { daemon, options, site } = await devnetSite(t, protocol);
  const browser = await launchFirefox(t, { 'fission.bfcacheInParent': true });
  const tabs = [];
  for (let at = 0; at < count; at += 1) {
    const tab = await browser.newPage();
    await tab.goto(site);
    if (elects) await tab.evaluate(() => delete globalThis.SharedWorker);
    tabs.push(tab);
  }
  const started = [];
  for (const tab of tabs) started.push(await tab.evaluate(follow, { ...options, ...more }));
  return { daemon, tabs, started };
}

for (const protocol of ['/ws/', '/webtransport/']) {
  test(`a tab in Firefox follows by ${protocol}`, { timeout: 120_000, skip: without }, async (t) => {
    const { tabs } = await tabsOf(t, 1, { protocol });
    await heads(tabs[0], 4);
  });
}

for (const elects of [false, true]) {
  const how = elects ? 'without a SharedWorker' : 'with a SharedWorker';

  test(`three tabs in Firefox have one connection, ${how}`, { timeout: 120_000, skip: without }, async (t) => {
    const { daemon, tabs, started } = await tabsOf(t, 3, { elects });
    assert.deepEqual(started.map(({ thread }) => thread), ['shared', 'shared', 'shared']);
    await Promise.all(tabs.map((tab) => heads(tab, 3)));
    assert.equal(connections(daemon), 1);
    await tabs[0].close();
    for (const tab of tabs.slice(1)) {
      await heads(tab, 12);
      t.diagnostic(`the longest wait for a head was ${await longestWait(tab)} ms, blocks come every 500`);
    }
    await after(1_000);
    assert.equal(connections(daemon), 1);
  });
}

// Firefox keeps no page that has a lock, as one without a SharedWorker, or whose worker has an open WebSocket: it loads such a page again.
test("a tab that was in Firefox's back/forward cache has every block", { timeout: 120_000, skip: without }, async (t) => {
  const { daemon, tabs } = await tabsOf(t, 2);
  await Promise.all(tabs.map((tab) => heads(tab, 3)));
  await tabs[0].evaluate(() => addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted)));
  await tabs[0].goto('data:text/html,elsewhere');
  await heads(tabs[1], 12);
  // No page is loaded, and it waits for one.
  await tabs[0].goBack({ timeout: 2_000 }).catch(() => {});
  assert.equal(await tabs[0].evaluate(() => globalThis.persisted), true);
  await heads(tabs[0], 20);
  await after(1_000);
  assert.equal(connections(daemon), 1);
});
