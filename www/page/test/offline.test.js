// A tab that was offline or asleep comes back: what it missed it fetches from its relays, and one that lies is dropped and
// named.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, devnet, json, note, program, run, said, serve, whole } from './harness.js';
import { TCP, cable, follower, listening } from './network.js';

const MISSED = 60;
/** Milliseconds of sleep: longer than a daemon waits for a pong. */
const SLEEP = 45_000;

/** The processes of the browser that this test has started. */
async function browserProcesses() {
  const parents = new Map();
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [, name, parent] = /\((.*)\) \S (\d+)/.exec(stat) ?? [];
    if (name) parents.set(Number(pid), { name, parent: Number(parent) });
  }
  const isOurs = (pid) => pid === process.pid || (parents.has(pid) && isOurs(parents.get(pid).parent));
  return [...parents.keys()].filter((pid) => /chrom/.test(parents.get(pid).name) && isOurs(pid));
}

const newest = (page) => page.$eval('#rows tr', (row) => Number(row.dataset.number));

test('a tab offline for 60 blocks comes back with all of them; the relay that lies is dropped and named', { timeout: 500_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const first = await listening(daemon, '/ws/');
  const told = await (await fetch(new URL('relay.json', url))).json();
  const second = (await follower(t, told, await listening(daemon, TCP))).ws;
  const liar = run(t, program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay'), ['stall', String(told.chain.l2_chain_id)]);
  const lies = await liar.seen((line) => json(line)?.relay);
  const cables = await Promise.all([first, second, lies].map((relay) => cable(t, relay)));
  const relays = cables.map(({ relay }) => relay);
  const { page } = await browse(t, await serve(t, { chain: told.chain, signer: told.signer, relays }));

  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  await note(page);
  cables.forEach(({ plug }) => plug(false));
  // What came before is shown by then.
  await page.waitForFunction(() => /Connecting|Stalled/.test(document.querySelector('#state').textContent), undefined, { timeout: 60_000 });
  const last = await newest(page);
  await block(daemon, last + MISSED + 1, 90_000);
  assert.equal(await newest(page), last, 'it was not offline');
  // The liar is back first: it is asked with the others.
  const [one, other, liarId] = [first, second, lies].map((relay) => relay.split('/').at(-1));
  const before = await said(page, liarId, 'connected to').count();
  cables[2].plug(true);
  await page.waitForFunction(
    ([liar, before]) => {
      const said = [...document.querySelectorAll('#log li')].map((line) => line.textContent);
      return said.filter((line) => line.includes(liar) && line.includes('connected to')).length > before;
    },
    [liarId.slice(-6), before],
    { timeout: 60_000 },
  );
  cables.forEach(({ plug }) => plug(true));
  await whole(t, page, daemon, last + 1, last + MISSED);
  const givers = await page.$$eval('#rows tr .block-peer', (cells) => [...new Set(cells.map((cell) => cell.title))]);
  assert.ok(givers.length > 0 && givers.every((giver) => [one, other].includes(giver)), `blocks came from ${givers}`);
  await said(page, liarId, 'invalid response').first().waitFor({ state: 'attached', timeout: 60_000 });
});

test('a tab that slept wakes, connects anew and repairs', { timeout: 360_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const { page } = await browse(t, url);
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  await note(page);
  const last = await newest(page);
  const asleep = await browserProcesses();
  assert.ok(asleep.length > 1, 'the browser is not found');
  const signal = (name) =>
    asleep.forEach((pid) => {
      try {
        process.kill(pid, name);
      } catch (error) {
        // One that has ended since sleeps well.
        if (error.code !== 'ESRCH') throw error;
      }
    });
  try {
    signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, SLEEP));
  } finally {
    signal('SIGCONT');
  }
  const now = daemon.lines.map(json).findLast((event) => event?.event === 'block').number;
  assert.ok(now > last + 30);
  await whole(t, page, daemon, last + 1, now);
});
