// The package in Node: the same node in a worker thread.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { block as emitted, devnet, json } from './harness.js';
import { listening, tcpProxy } from './network.js';

const { createFollower } = await import(new URL('page/index.js', packageDist));

test('in Node the package follows the blocks that the daemon verifies, and stops', { timeout: 90_000 }, async (t) => {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '50kB']);
  await listening(daemon, '/ws/');
  const relay = await (await fetch(new URL('relay.json', url))).json();
  const { chain, signer, relays } = relay;
  const follower = await createFollower({ chain, signer, relays, signal: t.signal });
  t.after(() => follower.stop());
  const blocks = [];
  for await (const block of follower.blocks()) if (blocks.push(block) === 4) break;

  for (const block of blocks) {
    const { hash, parent, txs, bytes } = await emitted(daemon, block.number);
    assert.deepEqual([block.hash, block.parent, block.txs, block.bytes], [hash, parent, txs, bytes]);
    // A fetched block has no signature.
    assert.equal(block.signer, block.via === 'gossip' ? relay.signer.toLowerCase() : null);
  }
  const status = await follower.status();
  assert.deepEqual([status.state, status.reason, status.thread, status.peers.length], ['live', null, 'worker', 1]);
  const { transports, protocols } = status.traffic;
  const gossiped = blocks.filter(({ via }) => via === 'gossip').length;
  assert.ok(gossiped > 0);
  // Blocks of 50 kB come compressed to about half.
  assert.ok(protocols.meshsub.in > gossiped * 15_000 && protocols.meshsub.in < transports.ws.in, JSON.stringify(status.traffic));
  assert.ok(status.moduleBytes > 2 ** 20 && status.moduleBytes < 96 * 2 ** 20, `${status.moduleBytes} bytes`);
  assert.ok(protocols.ping.out > 0 && transports.ws.out > 0, JSON.stringify(status.traffic));
  await follower.stop();
  assert.equal((await follower.status()).state, 'stopped');
});

/** A follower of a devnet with a block every 200 ms, by a proxy that can be cut; its events, and what ends it. */
async function followDevnet(t, options = {}) {
  const { daemon, url } = await devnet(t, ['--block-time', '200ms', '--fork', 'denim', '--block-bytes', '2kB']);
  const proxy = await tcpProxy(t, await listening(daemon, '/ws/'));
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const follower = await createFollower({ chain, signer, relays: [proxy.relay], store: null, ...options });
  t.after(() => follower.stop());
  return { daemon, follower, proxy };
}

test('after a gap each block has a head event, and none is left out', { timeout: 120_000 }, async (t) => {
  const { daemon, follower, proxy } = await followDevnet(t);
  const heads = [];
  const emittedNow = () => daemon.lines.map(json).findLast((event) => event?.event === 'block').number;
  let until = Infinity;
  const events = follower.events();
  for await (const { event, number, omitted = 0 } of events) {
    if (event === 'head') heads.push({ number, omitted });
    if (event === 'head' && heads.length === 10) {
      proxy.connect(false);
      const last = number + 100;
      await emitted(daemon, last);
      until = emittedNow();
      proxy.connect(true);
    }
    if (event === 'head' && number >= until) break;
  }
  assert.equal(events.missed, 0);
  assert.ok(heads.at(-1).number > heads[0].number + 100);
  for (const [at, { number, omitted }] of heads.entries()) assert.deepEqual([number, omitted], [heads[0].number + at, 0]);
});

test('a follower whose clock is set back while blocks stop is stalled all the same', { timeout: 120_000 }, async (t) => {
  // On this thread, whose clock the test sets.
  const { daemon, follower } = await followDevnet(t, { worker: () => { throw new Error('no thread') } });
  for await (const { event } of follower.events()) if (event === 'head') break;
  const { state: before, thread } = await follower.status();
  assert.deepEqual([before, thread], ['live', 'page']);
  const now = Date.now;
  t.after(() => {
    Date.now = now;
    process.kill(daemon.pid, 'SIGCONT');
  });
  process.kill(daemon.pid, 'SIGSTOP');
  Date.now = () => now() - 3600_000;
  const end = performance.now() + 20_000;
  let state = 'live';
  while (state === 'live' && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    state = (await follower.status()).state;
  }
  assert.equal(state, 'stalled');
});
