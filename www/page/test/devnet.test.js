// The page that a daemon serves, in Chromium, against a devnet: the tab shows the blocks that the daemon's follower emits.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, devnet, screens, shown } from './harness.js';

/** Waits until the page shows at least `count` blocks of at least `smallest` bytes. */
function blocks(page, count, smallest = 0) {
  return page.waitForFunction(
    ([count, smallest]) =>
      [...document.querySelectorAll('#rows tr')].filter((row) => Number(row.dataset.bytes) >= smallest).length >= count,
    [count, smallest],
    { timeout: 200_000 },
  );
}

test('a tab shows live verified blocks, and the hashes of twenty equal the daemon\'s', { timeout: 150_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const { page, consoleErrors, requests } = await browse(t, url);
  const opened = performance.now();
  await blocks(page, 1);
  t.diagnostic(`first block ${Math.round(performance.now() - opened)} ms after the page had loaded`);
  await blocks(page, 20);
  await mkdir(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/desktop.png` });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${screens}/phone.png` });

  const seen = await shown(page);
  assert.ok(seen.length >= 20);
  for (const { number, hash } of seen) assert.equal(hash, (await block(daemon, number)).hash, `block ${number}`);
  assert.deepEqual(consoleErrors, []);
  const origin = new URL(url).origin;
  assert.deepEqual(requests.filter((request) => new URL(request).origin !== origin && !request.startsWith('blob:')), []);
});

test('a block just under 10 MiB reaches the tab', { timeout: 300_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '4s', '--block-bytes', '10MiB']);
  const { page, consoleErrors } = await browse(t, url);
  await blocks(page, 2, 10_480_000);
  for (const { number, hash } of await shown(page)) {
    const emitted = await block(daemon, number);
    assert.equal(hash, emitted.hash);
    assert.ok(emitted.bytes > 10_480_000 && emitted.bytes <= 10_485_760, `${emitted.bytes} bytes`);
  }
  assert.deepEqual(consoleErrors, []);
});

test('the page shows that its daemon has ended', { timeout: 150_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { page } = await browse(t, url);
  await blocks(page, 2);
  await page.waitForFunction(() => document.querySelector('#state').textContent === 'Live', undefined, { timeout: 30_000 });
  process.kill(daemon.pid, 'SIGTERM');
  await page.waitForFunction(() => /Connecting|Stalled/.test(document.querySelector('#state').textContent), undefined, { timeout: 30_000 });
});

test('the page shows that its worker has ended, and starts again', { timeout: 150_000 }, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { page } = await browse(t, url);
  const state = (pattern, timeout) =>
    page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector('#state').textContent), pattern, { timeout });
  await blocks(page, 2);
  await state('^Live$', 30_000);
  // As a browser does that has no memory left: no event tells the page.
  await page.workers()[0].evaluate(() => self.close());
  await state('^Stalled$', 15_000);
  await state('^Failed$', 40_000);
  assert.match(await page.locator('#notice').textContent(), /has not answered/);
  await state('^Live$', 40_000);
});

test('a wrong chain in the URL shows the form, and the form can be sent', { timeout: 120_000 }, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { page } = await browse(t, `${url}?chain=op-manet`);
  const form = page.locator('#setup');
  await form.waitFor({ state: 'visible', timeout: 30_000 });
  await form.locator('[name=relay]').fill(new URL(url).origin);
  await form.locator('[name=chain]').fill('base-mainnet');
  await form.locator('button').click();
  await page.waitForURL(/chain=base-mainnet/);
  await page.locator('#chain').filter({ hasText: /base/i }).waitFor({ timeout: 30_000 });
});
