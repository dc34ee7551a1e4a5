// Five blocks a second: their milliseconds, a reloaded tab that continues from its saved head, a schedule that is out of date.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, checkAllShown, devnet, json, observeBlocks, savedBlocks, screens, serve, shown } from './harness.js';

const DEVNET = ['--block-time', '200ms', '--fork', 'denim', '--block-bytes', '10kB'];
/** Milliseconds without the page: some fifty blocks. */
const AWAY = 10_000;

/** Waits for so many blocks. */
function blocks(page, count) {
  return page.waitForFunction((count) => document.querySelectorAll('#rows tr').length >= count, count, { timeout: 60_000 });
}

/** The number of the newest block that the daemon has emitted. */
function newest(daemon) {
  return daemon.lines.map(json).findLast((event) => event?.event === 'block').number;
}

test('a block every 200 ms is shown with its milliseconds', { timeout: 150_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const { page, consoleErrors } = await browse(t, url);
  await blocks(page, 120);
  await page.locator('#schedule').filter({ hasText: 'a block every 200 ms, Denim is active' }).waitFor({ timeout: 10_000 });
  assert.match(await page.locator('#delay-window').textContent(), /last 300 blocks/);
  assert.match(await page.locator('#head-since').textContent(), /^\d\d:\d\d:\d\d\.[02468]00, /);
  await mkdir(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/subsecond.png` });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${screens}/subsecond-phone.png` });

  const rows = await page.$$eval('#rows tr', (rows) =>
    rows.map((row) => {
      const [time, delay] = ['time', 'delay'].map((name) => row.querySelector(`.block-${name}`));
      return { number: Number(row.dataset.number), time: time.textContent, at: Date.parse(time.title), delay: delay.textContent };
    }),
  );
  const [last] = rows;
  for (const { number, time, at, delay } of rows) {
    const emitted = await block(daemon, number);
    assert.equal(at, emitted.timestamp_ms);
    assert.equal(last.at - at, (last.number - number) * 200);
    assert.match(time, /^\d\d:\d\d:\d\d\.[02468]00$/);
    assert.match(delay, /^−?[\d.,]+ (ms|s)$/);
  }
  assert.deepEqual(consoleErrors, []);
});

test('a tab that is opened again continues from its saved head, and fetches the blocks that it missed', { timeout: 200_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const { page } = await browse(t, url);
  await blocks(page, 120);
  const last = await page.$eval('#rows tr', (row) => Number(row.dataset.number));
  // No script runs there, and it can read this origin's IndexedDB.
  await page.goto(new URL('relay.json', url).href);
  const before = await savedBlocks(page);
  assert.ok(before.count >= 100, `${before.count} blocks are saved`);
  assert.ok(before.last >= last, `block ${last} was shown, and ${before.last} is the last that is saved`);
  await new Promise((resolve) => setTimeout(resolve, AWAY));
  await page.addInitScript(observeBlocks);
  const now = newest(daemon);
  assert.ok(now > before.last + 40);
  await page.goto(url);
  await checkAllShown(t, page, daemon, before.last + 1, now);
  const fetched = await page.locator('#rows .block-signer').filter({ hasText: 'its descendants' }).count();
  assert.ok(fetched >= 40, `${fetched} were fetched`);
  assert.doesNotMatch(await page.locator('#log').textContent(), /gap skipped/);
});

test('a schedule that lacks Denim is shown as a note, and the blocks are shown', { timeout: 150_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const { chain, signer, relays } = await (await fetch(new URL('relay.json', url))).json();
  const { base: _, petrel: { cadence: __, ...petrel }, ...others } = chain;
  const { page } = await browse(t, await serve(t, { chain: { ...others, block_time: 2, petrel }, signer, relays }));
  await blocks(page, 20);
  const box = page.locator('#mismatch');
  await box.filter({ hasText: 'Denim' }).filter({ hasText: /rollup\.json/ }).waitFor({ timeout: 30_000 });
  await page.screenshot({ path: `${screens}/mismatch.png` });
  assert.match(await page.locator('#state').textContent(), /live/i);
  assert.match(await page.locator('#schedule').textContent(), /every 200 ms, Jovian is active by the schedule, which lacks Denim/);
  assert.ok(await page.locator('#notice').isHidden());
  for (const { number, hash } of await shown(page)) assert.equal(hash, (await block(daemon, number)).hash);
});
