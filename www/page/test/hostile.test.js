// The page shows no invalid block of a hostile relay.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, devnet, json, program, run, screens, serve, shown } from './harness.js';
import { listening } from './network.js';

const hostileRelay = program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay');

/** The page with a hostile relay of this mode alone. */
async function browseHostile(t, mode) {
  const hostile = run(t, hostileRelay, [mode]);
  const config = await hostile.onStdout((line) => (json(line)?.relay ? json(line) : undefined));
  const url = await serve(t, { chain: config.chain, signer: config.signer, relays: [config.relay] });
  return { hostile, ...(await browse(t, url)) };
}

/** The number of rejected messages that the page shows. */
function rejected(page) {
  return page.$eval('#rejected', (element) => Number(element.textContent.replace(/\D/g, '')));
}

for (const mode of ['forge', 'tamper', 'replay']) {
  test(`the page shows no invalid block of a relay in mode ${mode}`, { timeout: 90_000 }, async (t) => {
    const { hostile, page } = await browseHostile(t, mode);
    // It sends an invalid message each second: there were several when this is reached.
    await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 3, undefined, { timeout: 60_000 });
    await page.waitForFunction(
      () => Number(document.querySelector('#rejected').textContent.replace(/\D/g, '')) >= 2,
      undefined,
      { timeout: 60_000 },
    );
    const seen = await shown(page);
    assert.ok(seen.length >= 3);
    // The relay prints a block's hash before it sends the block; the line may arrive later.
    await hostile.onStdout((line) => json(line)?.honest === seen[0].hash || undefined, 10_000).catch(() => undefined);
    const honest = new Set(hostile.lines.map(json).map((line) => line?.honest).filter(Boolean));
    for (const { number, hash } of seen) assert.ok(honest.has(hash), `block ${number} is invalid`);
    assert.equal(new Set(seen.map(({ hash }) => hash)).size, seen.length, 'a block is shown twice');
    assert.ok((await rejected(page)) >= 2);
  });
}

test('a link with a signer that is not the daemon’s shows a red banner, and its blocks are not called verified', { timeout: 90_000 }, async (t) => {
  const hostile = run(t, hostileRelay, ['forge']);
  const { chain, signer, relay } = await hostile.onStdout((line) => (json(line)?.relay ? json(line) : undefined));
  const { petrel, ...bare } = chain;
  const own = `0x${'ab'.repeat(20)}`;
  const url = await serve(t, { chain: { ...bare, petrel: { ...petrel, signer: own } }, signer: own, relays: [relay] });
  const { page } = await browse(t, `${url}?signer=${signer}`);
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 2, undefined, { timeout: 60_000 });
  const banner = page.locator('#foreign');
  await banner.filter({ hasText: signer }).filter({ hasText: own }).waitFor({ timeout: 10_000 });
  const shown = await page.evaluate(() => {
    const box = document.querySelector('#foreign').getBoundingClientRect();
    const [red] = getComputedStyle(document.querySelector('#foreign')).color.match(/\d+/g);
    const mark = getComputedStyle(document.querySelector('.block-number'), '::before').content;
    return { text: document.body.innerText, mark, red: Number(red), isWhole: box.height > 40 && box.right <= innerWidth };
  });
  assert.ok(shown.red > 150 && shown.isWhole, JSON.stringify(shown));
  assert.doesNotMatch(shown.mark, /✓/);
  assert.doesNotMatch(shown.text, /Verified|cannot forge/);
  assert.match(await page.locator('#state').textContent(), /^Foreign signer/);
  await mkdir(screens, { recursive: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${screens}/foreign-phone.png` });

  await banner.locator('a').click();
  await page.waitForURL((now) => !now.searchParams.has('signer'));
  await page.waitForFunction(() => document.querySelector('#signer').textContent.startsWith('0xabab'), undefined, { timeout: 30_000 });
  assert.ok(await banner.isHidden());
});

test('a link with the signer that the daemon names shows no banner', { timeout: 90_000 }, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const { signer } = await (await fetch(new URL('relay.json', url))).json();
  const { page } = await browse(t, `${url}?signer=${signer.toUpperCase().replace('0X', '0x')}`);
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 2, undefined, { timeout: 60_000 });
  assert.ok(await page.locator('#foreign').isHidden());
  assert.match(await page.locator('#state').textContent(), /^Live$/);
});

test('with a relay that stalls the page shows no block and its state is waiting', { timeout: 90_000 }, async (t) => {
  const { page } = await browseHostile(t, 'stall');
  await page.waitForFunction(() => /waiting|stalled/i.test(document.querySelector('#state').textContent), undefined, {
    timeout: 30_000,
  });
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.deepEqual(await shown(page), []);
});

for (const mode of ['withhold', 'flood', 'hang', 'stall']) {
  test(`beside a relay in mode ${mode} the tab follows the second relay of its list`, { timeout: 150_000 }, async (t) => {
    const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
    const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
    const hostile = run(t, hostileRelay, [mode, String(chain.l2_chain_id)]);
    const hostileAddress = await hostile.onStdout((line) => json(line)?.relay);
    const relays = [hostileAddress, await listening(daemon, '/ws/')];
    const { page } = await browse(t, await serve(t, { chain, signer, relays }));
    const newest = () => page.$eval('#rows', (rows) => Number(rows.firstElementChild?.dataset.number ?? 0));
    await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 3, undefined, { timeout: 60_000 });
    const from = await newest();
    await page.waitForFunction((to) => Number(document.querySelector('#rows tr').dataset.number) >= to, from + 8, { timeout: 60_000 });
    for (const { number, hash } of await shown(page)) assert.equal(hash, (await block(daemon, number)).hash, `block ${number} is invalid`);
    assert.match(await page.locator('#state').textContent(), /live/i);
  });
}

/** The page of a relay whose record `change` has changed. */
async function browseWithRecord(t, change) {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const valid = await (await fetch(new URL('/.well-known/petrel.json', url))).text();
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const origin = (await serve(t, undefined, { record: change(valid) })).replace(/\/$/, '');
  const { page } = await browse(t, await serve(t, { chain, signer, relays: [origin] }));
  return page;
}

for (const [name, change, words] of [
  ['forged', (text) => text.replace(/"envelope":"0x(.*)(..)"/, (_, body, last) => `"envelope":"0x${body}${last === '00' ? '01' : '00'}"`), /forged|no relay/],
  ['truncated', (text) => text.slice(0, -20), /not a relay record/],
  ['too long', () => ' '.repeat(1 << 20), /more than/],
]) {
  test(`the page refuses a record that is ${name}, and shows why`, { timeout: 90_000 }, async (t) => {
    const page = await browseWithRecord(t, change);
    await page.waitForFunction((words) => new RegExp(words).test(document.querySelector('#notice').textContent), words.source, { timeout: 30_000 });
    assert.deepEqual(await shown(page), []);
    assert.match(await page.locator('#relay').textContent(), /not connected/);
  });
}

test("a relay of another chain is refused because of its record", { timeout: 90_000 }, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const page = (await browse(t, await serve(t, { chain: 'op-mainnet', relays: [new URL(url).origin] }))).page;
  await page.waitForFunction(() => /follows chain \d+, not 10/.test(document.querySelector('#notice').textContent), undefined, { timeout: 30_000 });
});
