// A relay that lies gets nothing false into the page.

import assert from 'node:assert/strict';
import test from 'node:test';

import { browse, json, program, run, serve, shown } from './harness.js';

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
    const honest = new Set(hostile.lines.map(json).map((line) => line?.honest).filter(Boolean));
    const seen = await shown(page);
    assert.ok(seen.length >= 3);
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
