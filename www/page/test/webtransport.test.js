// WebTransport to a tab: its certificates, and the fallback to WebSocket.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import test from 'node:test';

import { block, browse, devnet, json, logLines, screens, serve, shown } from './harness.js';
import { TCP, follower, listening, udpProxy } from './network.js';

const DEVNET = ['--block-time', '1s', '--block-bytes', '20kB'];

/** Waits until the page's transport matches the pattern. */
function transport(page, pattern, timeout = 60_000) {
  return page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector('#transport').textContent), pattern, { timeout });
}

/** Opens the page again without what it has saved: the transport that worked would be tried first. */
async function reopen(page) {
  const url = page.url();
  await page.goto(new URL('relay.json', url).href);
  await page.evaluate(() => new Promise((resolve) => Object.assign(indexedDB.deleteDatabase('petrel'), { onsuccess: resolve, onerror: resolve })));
  await page.goto(url);
}

/** Waits until it is WebTransport; where WebSocket was faster, on a slow machine, the page is opened again. */
async function byWebTransport(page) {
  for (let again = 5; ; again--) {
    await transport(page, again > 0 ? '^WebTransport|^WebSocket – WebTransport failed' : '^WebTransport');
    if (/^WebTransport/.test(await page.locator('#transport').textContent())) return;
    await reopen(page);
  }
}

/** Waits until `count` more blocks are shown than now, after the first. */
async function more(page, count, timeout = 60_000) {
  await page.waitForFunction(() => document.querySelector('#rows tr'), undefined, { timeout });
  const newest = await page.$eval('#rows tr', (row) => Number(row.dataset.number));
  await page.waitForFunction(
    (number) => Number(document.querySelector('#rows tr')?.dataset.number ?? 0) >= number,
    newest + count,
    { timeout },
  );
}

/** Waits until no block between the first and the last of the page is missing; all must equal the daemon's. */
async function checkShown(page, daemon) {
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

test('a tab follows over WebTransport and shows its relay and certificates', { timeout: 120_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const relay = await listening(daemon, '/webtransport/');
  // With one address: after a handshake timeout it is dialled again.
  const { page, consoleErrors } = await browse(t, `${url}?relay=${encodeURIComponent(relay)}`);
  await transport(page, '^WebTransport, certificate uEi\\S+…\\S+ or uEi');
  await more(page, 5);
  assert.match(await page.locator('#relay').textContent(), new RegExp(`127\\.0\\.0\\.1:${relay.split('/')[4]}`));
  await mkdir(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/webtransport.png` });
  await checkShown(page, daemon);
  assert.deepEqual(consoleErrors, []);
});

test('a block just under 10 MiB reaches the tab over WebSocket too', { timeout: 300_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '4s', '--block-bytes', '10MiB']);
  const { page } = await browse(t, `${url}?relay=${encodeURIComponent(await listening(daemon, '/ws/'))}`);
  await more(page, 1, 200_000);
  await transport(page, '^WebSocket$');
  // A slow machine may have fetched a block instead.
  const seen = await shown(page);
  assert.ok(seen.length >= 2);
  assert.ok((await page.locator('#rows .block-signer').filter({ hasNotText: 'its descendants' }).count()) > 0, 'no block was gossiped');
  for (const { number, hash } of seen) assert.equal(hash, (await block(daemon, number)).hash);
});

test('where UDP is blocked the tab falls back to WebSocket, and shows why', { timeout: 400_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const config = await (await fetch(new URL('relay.json', url))).json();
  const proxy = await udpProxy(t, await listening(daemon, '/webtransport/'));
  const relays = [proxy.relay, await listening(daemon, '/ws/')];
  const { page } = await browse(t, await serve(t, { chain: config.chain, signer: config.signer, relays }));
  await byWebTransport(page);
  await more(page, 3);
  proxy.connect(false);
  const cut = performance.now();
  // The relay may end the first new connection, as it still has the old one: the next dial begins with WebSocket, and has no reason to show.
  await page.locator('#log li').filter({ hasText: /by ws; webtransport failed: .*UDP/ }).first().waitFor({ state: 'attached', timeout: 90_000 });
  await transport(page, '^WebSocket');
  await more(page, 3);
  t.diagnostic(`blocks again ${Math.round((performance.now() - cut) / 1000)} s after UDP was cut`);
  await checkShown(page, daemon);
});

test('certificates change while a tab is connected and while it is disconnected', { timeout: 400_000 }, async (t) => {
  const { daemon, url } = await devnet(t, DEVNET);
  const config = await (await fetch(new URL('relay.json', url))).json();
  const relay = await follower(t, config, await listening(daemon, TCP), ['--p2p.webtransport.period=15s']);
  const { page } = await browse(t, relay.url);
  const peer = relay.webtransport.split('/').at(-1);
  const connections = () => logLines(page, peer, 'connected to').count();
  await byWebTransport(page);
  await more(page, 2);
  assert.equal(await connections(), 1);
  const ended = () => relay.daemon.lines.map(json).filter((event) => event?.event === 'listen_ended').length;
  for (const before = ended(); ended() < before + 2; ) await more(page, 1);
  assert.equal(await logLines(page, peer, 'disconnected from').count(), 0, 'the tab was disconnected');
  await checkShown(page, daemon);

  // The tab's certificates have expired; the record has the present ones.
  await relay.restart();
  await logLines(page, peer, 'connected to').nth(1).waitFor({ state: 'attached', timeout: 90_000 });
  assert.ok((await logLines(page, peer, 'disconnected from').count()) > 0);
  await more(page, 3);
  await checkShown(page, daemon);
});
