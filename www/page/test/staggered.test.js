// Which transport a tab dials first, and when the other one begins, in Chromium.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { browse, devnet, serve } from './harness.js';
import { TCP, follower, listening, udpProxy } from './network.js';

/** In a page: follows a chain; `connections` has each connection, and how many milliseconds after the start it was there. */
async function follow(options) {
  const { createFollower } = await import('/page/index.js');
  const follower = await createFollower(options);
  const start = performance.now();
  globalThis.follower = follower;
  globalThis.connections = [];
  void (async () => {
    for await (const { event, transport, tried } of follower.events()) {
      if (event === 'connected') globalThis.connections.push({ transport, tried, ms: Math.round(performance.now() - start) });
    }
  })();
}

/** The connection of this number, counted from 0. */
async function connection(page, at = 0) {
  await page.waitForFunction((at) => globalThis.connections.length > at, at, { timeout: 60_000 });
  return page.evaluate((at) => globalThis.connections[at], at);
}

/** A daemon, its chain as options of a follower, and an empty page from which the package can be imported. */
async function started(t) {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '5kB']);
  const config = await (await fetch(new URL('relay.json', url))).json();
  const { page } = await browse(t, new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href);
  return { daemon, page, config, options: { chain: config.chain, signer: config.signer } };
}

test('where UDP is dropped a tab is connected by WebSocket within a second or so', { timeout: 120_000 }, async (t) => {
  const { daemon, page, options } = await started(t);
  const proxy = await udpProxy(t, await listening(daemon, '/webtransport/'));
  proxy.connect(false);
  await page.evaluate(follow, { ...options, relays: [proxy.relay, await listening(daemon, '/ws/')], store: null });
  const { transport, tried, ms } = await connection(page);
  t.diagnostic(`connected after ${ms} ms`);
  assert.equal(transport, 'ws');
  // WebTransport's own timeout is 4 s.
  assert.ok(ms >= 250 && ms < 2_500, `connected after ${ms} ms`);
  assert.deepEqual(tried.map(({ address }) => address), [proxy.relay]);
  assert.match(tried[0].error, /^no answer in \d+ ms.*UDP/);
});

test('where both work WebTransport is used', { timeout: 180_000 }, async (t) => {
  const { daemon, page, options } = await started(t);
  const relays = [await listening(daemon, '/ws/'), await listening(daemon, '/webtransport/')];
  // On a busy machine a handshake may take longer than the 300 ms that it has.
  for (let left = 5; ; left -= 1) {
    await page.evaluate(follow, { ...options, relays, store: null });
    const { transport, tried, ms } = await connection(page);
    t.diagnostic(`connected by ${transport} after ${ms} ms`);
    await page.evaluate(() => globalThis.follower.stop());
    if (transport === 'webtransport' && tried === undefined) return;
    assert.ok(left > 0, `${transport}, although WebTransport works`);
  }
});

test('after a connection by WebSocket the next dial begins with it, also after a reload', { timeout: 180_000 }, async (t) => {
  const { daemon, page, config, options } = await started(t);
  const relay = await follower(t, config, await listening(daemon, TCP));
  const proxy = await udpProxy(t, relay.webtransport);
  proxy.connect(false);
  const all = { ...options, relays: [proxy.relay, relay.ws] };
  await page.evaluate(follow, all);
  const first = await connection(page);
  assert.deepEqual([first.transport, first.tried.length], ['ws', 1]);

  // A dial that began with WebTransport would have tried it: nothing answers there.
  await relay.restart();
  const second = await connection(page, 1);
  assert.deepEqual([second.transport, second.tried], ['ws', undefined]);

  await page.evaluate(() => globalThis.follower.stop());
  await page.reload();
  await page.evaluate(follow, all);
  const third = await connection(page);
  t.diagnostic(`connected ${third.ms} ms after the reload`);
  assert.deepEqual([third.transport, third.tried], ['ws', undefined]);
});
