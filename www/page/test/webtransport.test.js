// The better way into a tab, and what is done when it is not there: WebTransport, its certificates, and the way back to
// WebSocket.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, devnet, json, said, screens, serve, shown } from './harness.js';
import { TCP, follower, listening, udpCable } from './network.js';

const DEVNET = ['--block-time', '1s', '--block-bytes', '20kB'];

/** Waits until the page says this of its transport. */
function way(page, words, timeout = 60_000) {
  return page.waitForFunction((words) => new RegExp(words).test(document.querySelector('#transport').textContent), words, { timeout });
}

/** Waits until it is WebTransport; a handshake that took longer than the page's patience, on a slow machine, is tried again. */
async function byWebTransport(page) {
  for (let again = 5; ; again--) {
    await way(page, again > 0 ? '^WebTransport|^WebSocket – WebTransport failed' : '^WebTransport');
    if (/^WebTransport/.test(await page.locator('#transport').textContent())) return;
    await page.reload();
  }
}

/** Waits for so many blocks more than there are now; for one at first, where there is none. */
async function more(page, count, timeout = 60_000) {
  await page.waitForFunction(() => document.querySelector('#rows tr'), undefined, { timeout });
  const newest = await page.$eval('#rows tr', (row) => Number(row.dataset.number));
  await page.waitForFunction(
    (number) => Number(document.querySelector('#rows tr')?.dataset.number ?? 0) >= number,
    newest + count,
    { timeout },
  );
}

/** Every block that the page shows is the daemon's, and soon none between the first and the last is missing. */
async function whole(page, daemon) {
  const rows = await page.waitForFunction(
    () => {
      const rows = [...document.querySelectorAll('#rows tr')].map(({ dataset }) => ({ number: Number(dataset.number), hash: dataset.hash }));
      const numbers = rows.map(({ number }) => number);
      return new Set(numbers).size === Math.max(...numbers) - Math.min(...numbers) + 1 && rows;
    },
    undefined,
    { timeout: 30_000 },
  );
  const seen = (await rows.jsonValue()).sort((a, b) => a.number - b.number);
  for (const [at, { number, hash }] of seen.entries()) {
    assert.equal(number, seen[0].number + at, 'a block is missing');
    assert.equal(hash, (await block(daemon, number)).hash);
  }
  return seen;
}

test('a tab follows over WebTransport and says by which relay and certificate', { timeout: 120_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const relay = await listening(daemon, '/webtransport/');
  // The only way in: a handshake that was too slow is tried again.
  const { page, complaints } = await browse(t, `${url}?relay=${encodeURIComponent(relay)}`);
  await way(page, '^WebTransport, certificate uEi\\S+…\\S+ or uEi');
  await more(page, 5);
  assert.match(await page.locator('#relay').textContent(), new RegExp(`127\\.0\\.0\\.1:${relay.split('/')[4]}`));
  await mkdir(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/webtransport.png` });
  await whole(page, daemon);
  assert.deepEqual(complaints, []);
});

test('a block just under 10 MiB reaches the tab over WebSocket too', { timeout: 300_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '4s', '--block-bytes', '10MiB']);
  const { page } = await browse(t, `${url}?relay=${encodeURIComponent(await listening(daemon, '/ws/'))}`);
  await more(page, 1, 200_000);
  await way(page, '^WebSocket$');
  // A machine that takes seconds for a block may have given one up.
  const seen = await shown(page);
  assert.ok(seen.length >= 2);
  assert.ok((await page.locator('#rows .block-signer').filter({ hasNotText: 'its descendants' }).count()) > 0, 'none was gossiped');
  for (const { number, hash } of seen) assert.equal(hash, (await block(daemon, number)).hash);
});

test('where UDP does not get through the tab falls back to WebSocket, and says why', { timeout: 400_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const told = await (await fetch(new URL('relay.json', url))).json();
  const cable = await udpCable(t, await listening(daemon, '/webtransport/'));
  const relays = [cable.relay, await listening(daemon, '/ws/')];
  const { page } = await browse(t, await serve(t, { chain: told.chain, signer: told.signer, relays }));
  await byWebTransport(page);
  await more(page, 3);
  cable.plug(false);
  const cut = performance.now();
  await way(page, '^WebSocket – WebTransport failed: .*UDP', 90_000);
  await more(page, 3);
  t.diagnostic(`blocks again ${Math.round((performance.now() - cut) / 1000)} s after UDP was cut`);
  await whole(page, daemon);
});

test('certificates change under a tab that is connected and under one that was away', { timeout: 400_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const told = await (await fetch(new URL('relay.json', url))).json();
  const relay = await follower(t, told, await listening(daemon, TCP), ['--p2p.webtransport.period=15s']);
  const { page } = await browse(t, relay.url);
  const peer = relay.webtransport.split('/').at(-1);
  const connections = () => said(page, peer, 'connected to').count();
  await byWebTransport(page);
  await more(page, 2);
  assert.equal(await connections(), 1);
  const ended = () => relay.daemon.lines.map(json).filter((event) => event?.event === 'listen_ended').length;
  for (const before = ended(); ended() < before + 2; ) await more(page, 1);
  assert.equal(await said(page, peer, 'lost').count(), 0, 'the connection was lost');
  await whole(page, daemon);

  // Whoever was away has certificates that ended long ago; the record has today's.
  await relay.restart();
  await said(page, peer, 'connected to').nth(1).waitFor({ state: 'attached', timeout: 90_000 });
  assert.ok((await said(page, peer, 'lost').count()) > 0);
  await more(page, 3);
  await whole(page, daemon);
});
