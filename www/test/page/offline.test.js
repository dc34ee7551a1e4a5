// A tab that was offline or asleep comes back: what it missed it fetches from its relays, and one that lies is dropped and
// named.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { block, browse, devnet, json, program, run, serve, shown } from './harness.js';

const MISSED = 60;
/** Milliseconds of sleep: longer than a daemon waits for a pong. */
const SLEEP = 45_000;

/** A cable to a relay that can be pulled: its multiaddr, and `plug(in)`. */
async function cable(t, relay) {
  const [, , host, , port, ...rest] = relay.split('/');
  const sockets = new Set();
  let plugged = true;
  const server = net.createServer((near) => {
    if (!plugged) return near.destroy();
    const far = net.connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plug = (on) => {
    plugged = on;
    if (!on) sockets.forEach((socket) => socket.destroy());
  };
  t.after(() => {
    plug(false);
    server.close();
  });
  return { relay: ['', 'ip4', '127.0.0.1', 'tcp', server.address().port, ...rest].join('/'), plug };
}

/** A second daemon, which follows the first. */
async function follower(t, { chain, signer }, first) {
  const files = await mkdtemp(join(tmpdir(), 'petrel-'));
  const rollup = join(files, 'rollup.json');
  await writeFile(rollup, JSON.stringify(chain));
  const daemon = run(t, program('PETREL_BIN', 'petrel'), [
    ...['node', '--rollup.config', rollup, '--p2p.unsafe-block-signer', signer, '--datadir', files],
    ...['--p2p.no-discovery', '--p2p.static', first, '--p2p.listen.ip=127.0.0.1', '--p2p.listen.tcp=0'],
    ...['--p2p.listen.ws=0', '--events=json', '--log.level=error'],
  ]);
  t.after(() => rm(files, { recursive: true, force: true }));
  return listening(daemon, '/ws/');
}

/** Where it listens, by this protocol. */
function listening(daemon, protocol) {
  return daemon.seen((line) => {
    const { event, address } = json(line) ?? {};
    return event === 'listening' && address.includes(protocol) ? address : undefined;
  });
}

/** Waits until the page shows all these blocks; they must be the daemon's. */
async function whole(t, page, daemon, from, to) {
  const back = performance.now();
  await page.waitForFunction(
    ([from, to]) => {
      const numbers = new Set([...document.querySelectorAll('#rows tr')].map((row) => Number(row.dataset.number)));
      return Array.from({ length: to - from + 1 }, (_, at) => from + at).every((number) => numbers.has(number));
    },
    [from, to],
    { timeout: 60_000 },
  );
  t.diagnostic(`all ${to - from + 1} blocks ${Math.round((performance.now() - back) / 100) / 10} s after it was back`);
  const seen = new Map((await shown(page)).map(({ number, hash }) => [number, hash]));
  for (let number = from; number <= to; number++) {
    assert.equal(seen.get(number), (await block(daemon, number)).hash, `block ${number}`);
  }
}

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

/** The lines about a peer in the page's log that have this in them. */
function said(page, peer, text) {
  return page.locator('#log li').filter({ hasText: peer.slice(-6) }).filter({ hasText: text });
}

const newest = (page) => page.$eval('#rows tr', (row) => Number(row.dataset.number));

test('a tab offline for 60 blocks comes back with all of them; the relay that lies is dropped and named', { timeout: 300_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const first = await listening(daemon, '/ws/');
  const told = await (await fetch(new URL('relay.json', url))).json();
  const second = await follower(t, told, await listening(daemon, '/tcp/'));
  const liar = run(t, program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay'), ['stall', String(told.chain.l2_chain_id)]);
  const lies = await liar.seen((line) => json(line)?.relay);
  const cables = await Promise.all([first, second, lies].map((relay) => cable(t, relay)));
  const { page } = await browse(t, await serve(t, { ...told, relays: cables.map(({ relay }) => relay) }));

  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  cables.forEach(({ plug }) => plug(false));
  const last = await newest(page);
  await block(daemon, last + MISSED + 1, 90_000);
  assert.ok((await newest(page)) <= last + 1, 'it was not offline');
  // The liar is back first: it is asked with the others.
  const [one, other, liarId] = [first, second, lies].map((relay) => relay.split('/').at(-1));
  const before = await said(page, liarId, 'connected to').count();
  cables[2].plug(true);
  await said(page, liarId, 'connected to').nth(before).waitFor({ state: 'attached', timeout: 30_000 });
  cables.forEach(({ plug }) => plug(true));
  await whole(t, page, daemon, last + 1, last + MISSED);
  const givers = await page.$$eval('#rows tr .block-peer', (cells) => [...new Set(cells.map((cell) => cell.title))]);
  assert.ok(givers.length > 0 && givers.every((giver) => [one, other].includes(giver)), `blocks came from ${givers}`);
  await said(page, liarId, 'lied').first().waitFor({ state: 'attached', timeout: 10_000 });
});

test('a tab that slept wakes, connects anew and repairs', { timeout: 240_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '20kB']);
  const { page } = await browse(t, url);
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 5, undefined, { timeout: 60_000 });
  const last = await newest(page);
  const asleep = await browserProcesses();
  assert.ok(asleep.length > 1, 'the browser is not found');
  const signal = (name) => asleep.forEach((pid) => process.kill(pid, name));
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
