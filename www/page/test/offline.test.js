// A tab that was offline or asleep fetches the blocks that it missed from its relays; it disconnects a relay that sends an invalid
// block, and its log names it.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, checkAllShown, devnet, json, logLines, observe, program, run, serve } from './harness.js';
import { TCP, follower, listening, tcpProxy } from './network.js';

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

test('a tab that was offline for 60 blocks fetches them all; a relay that sends an invalid block is disconnected', { timeout: 500_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const first = await listening(daemon, '/ws/');
  const config = await (await fetch(new URL('relay.json', url))).json();
  const second = (await follower(t, config, await listening(daemon, TCP))).ws;
  const hostile = run(t, program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay'), ['stall', String(config.chain.l2_chain_id)]);
  const third = await hostile.onStdout((line) => json(line)?.relay);
  const proxies = await Promise.all([first, second, third].map((relay) => tcpProxy(t, relay)));
  const relays = proxies.map(({ relay }) => relay);
  const { page } = await browse(t, await serve(t, { chain: config.chain, signer: config.signer, relays }));

  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  await observe(page);
  proxies.forEach(({ connect }) => connect(false));
  // All earlier blocks are shown by then.
  await page.waitForFunction(() => /Connecting|Stalled/.test(document.querySelector('#state').textContent), undefined, { timeout: 60_000 });
  const last = await newest(page);
  await block(daemon, last + MISSED + 1, 90_000);
  assert.equal(await newest(page), last, 'the tab was not offline');
  // The hostile relay is connected first, so that blocks are requested from it too.
  const [one, other, hostileId] = [first, second, third].map((relay) => relay.split('/').at(-1));
  const before = await logLines(page, hostileId, 'connected to').count();
  proxies[2].connect(true);
  await page.waitForFunction(
    ([hostile, before]) => {
      const lines = [...document.querySelectorAll('#log li')].map((line) => line.textContent);
      return lines.filter((line) => line.includes(hostile) && line.includes('connected to')).length > before;
    },
    [hostileId.slice(-6), before],
    { timeout: 60_000 },
  );
  proxies.forEach(({ connect }) => connect(true));
  await checkAllShown(t, page, daemon, last + 1, last + MISSED);
  const sources = await page.$$eval('#rows tr .block-peer', (cells) => [...new Set(cells.map((cell) => cell.title))]);
  assert.ok(sources.length > 0 && sources.every((source) => [one, other].includes(source)), `blocks came from ${sources}`);
  await logLines(page, hostileId, 'invalid response').first().waitFor({ state: 'attached', timeout: 60_000 });
});

test('a tab that slept reconnects and fetches the blocks that it missed', { timeout: 360_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const { page } = await browse(t, url);
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  await observe(page);
  const last = await newest(page);
  const asleep = await browserProcesses();
  assert.ok(asleep.length > 1, 'the browser is not found');
  const signal = (name) =>
    asleep.forEach((pid) => {
      try {
        process.kill(pid, name);
      } catch (error) {
        // The process has ended.
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
  await checkAllShown(t, page, daemon, last + 1, now);
});
