// A relay that lies gets nothing false into the page.

import assert from 'node:assert/strict';
import test from 'node:test';

import { block, browse, devnet, json, program, run, serve, shown } from './harness.js';
import { listening } from './network.js';

const relay = program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay');

/** The page behind a relay of this kind. */
async function behind(t, mode) {
  const hostile = run(t, relay, [mode]);
  const told = await hostile.seen((line) => (json(line)?.relay ? json(line) : undefined));
  const url = await serve(t, { chain: told.chain, signer: told.signer, relays: [told.relay] });
  return { hostile, ...(await browse(t, url)) };
}

/** How many messages the page says it has rejected. */
function rejected(page) {
  return page.$eval('#rejected', (element) => Number(element.textContent.replace(/\D/g, '')));
}

for (const mode of ['forge', 'tamper', 'replay']) {
  test(`a relay that would ${mode} gets nothing false into the page`, { timeout: 90_000 }, async (t) => {
    const { hostile, page } = await behind(t, mode);
    // It lies once a second: several lies were told when this is reached.
    await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 3, undefined, { timeout: 60_000 });
    await page.waitForFunction(
      () => Number(document.querySelector('#rejected').textContent.replace(/\D/g, '')) >= 2,
      undefined,
      { timeout: 60_000 },
    );
    const seen = await shown(page);
    assert.ok(seen.length >= 3);
    // The relay tells a block before it sends it; its line may come later.
    await hostile.seen((line) => json(line)?.honest === seen[0].hash || undefined, 10_000).catch(() => undefined);
    const honest = new Set(hostile.lines.map(json).map((line) => line?.honest).filter(Boolean));
    for (const { number, hash } of seen) assert.ok(honest.has(hash), `block ${number} is false`);
    assert.equal(new Set(seen.map(({ hash }) => hash)).size, seen.length, 'a block is shown twice');
    assert.ok((await rejected(page)) >= 2);
  });
}

test('a relay that stalls shows nothing, and the page says that it waits', { timeout: 90_000 }, async (t) => {
  const { page } = await behind(t, 'stall');
  await page.waitForFunction(() => /waiting|stalled/i.test(document.querySelector('#state').textContent), undefined, {
    timeout: 30_000,
  });
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.deepEqual(await shown(page), []);
});

for (const mode of ['withhold', 'flood', 'hang', 'stall']) {
  test(`beside a relay that would ${mode} the tab follows another one, which comes second in its list`, { timeout: 150_000 }, async (t) => {
    const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
    const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
    const hostile = run(t, relay, [mode, String(chain.l2_chain_id)]);
    const lies = await hostile.seen((line) => json(line)?.relay);
    const relays = [lies, await listening(daemon, '/ws/')];
    const { page } = await browse(t, await serve(t, { chain, signer, relays }));
    const newest = () => page.$eval('#rows', (rows) => Number(rows.firstElementChild?.dataset.number ?? 0));
    await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 3, undefined, { timeout: 60_000 });
    const from = await newest();
    await page.waitForFunction((to) => Number(document.querySelector('#rows tr').dataset.number) >= to, from + 8, { timeout: 60_000 });
    for (const { number, hash } of await shown(page)) assert.equal(hash, (await block(daemon, number)).hash, `block ${number} is false`);
    assert.match(await page.locator('#state').textContent(), /live/i);
  });
}

/** A relay's record by a server of its own, changed on its way. */
async function recordChanged(t, change) {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const honest = await (await fetch(new URL('/.well-known/petrel.json', url))).text();
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const origin = (await serve(t, undefined, { record: change(honest) })).replace(/\/$/, '');
  const { page } = await browse(t, await serve(t, { chain, signer, relays: [origin] }));
  return page;
}

for (const [name, change, words] of [
  ['forged', (text) => text.replace(/"envelope":"0x(.*)(..)"/, (_, body, last) => `"envelope":"0x${body}${last === '00' ? '01' : '00'}"`), /forged|no relay/],
  ['cut short', (text) => text.slice(0, -20), /not a relay record/],
  ['endless', () => ' '.repeat(1 << 20), /more than/],
]) {
  test(`a record that is ${name} leads nowhere, and the page says so`, { timeout: 90_000 }, async (t) => {
    const page = await recordChanged(t, change);
    await page.waitForFunction((words) => new RegExp(words).test(document.querySelector('#notice').textContent), words.source, { timeout: 30_000 });
    assert.deepEqual(await shown(page), []);
    assert.match(await page.locator('#relay').textContent(), /not connected/);
  });
}

test("another chain's relay is refused by its record", { timeout: 90_000 }, async (t) => {
  const { url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const page = (await browse(t, await serve(t, { chain: 'op-mainnet', relays: [new URL(url).origin] }))).page;
  await page.waitForFunction(() => /follows chain \d+, not 10/.test(document.querySelector('#notice').textContent), undefined, { timeout: 30_000 });
});
