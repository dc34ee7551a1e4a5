// `createPetrel` with a daemon's blocks: two chains, what a block has, transactions without an RPC; in Node, and in Chromium, where both
// chains are in one worker.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { browse, devnet, json, serve } from './harness.js';
import { follower, listening } from './network.js';

const { createPetrel } = await import(new URL('page/index.js', packageDist));

const OTHER = 9_022_111;

/** A devnet, and a daemon of another chain, which gets no blocks; what `createPetrel` takes to follow both by one list of URLs. */
async function twoChains(t) {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '20kB']);
  const address = await listening(daemon, '/ws/');
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  const other = { ...chain, l2_chain_id: OTHER, petrel: { ...chain.petrel, name: 'other' } };
  const second = await follower(t, { chain: other, signer }, address);
  const addresses = { [chain.l2_chain_id]: [address], [OTHER]: [second.ws] };
  return { daemon, chain, addresses, options: { chains: [chain, other], relays: [url, second.url], signers: { [chain.l2_chain_id]: signer, other: signer }, store: null } };
}

/** The daemon's event of a block. */
const emitted = (daemon, number) =>
  daemon.onStdout((line) => {
    const event = json(line);
    return event?.event === 'block' && event.number === number ? event : undefined;
  });

test('two chains by one list of URLs: each takes its own relay, and the blocks are those of the daemon', { timeout: 120_000 }, async (t) => {
  const { daemon, chain, options } = await twoChains(t);
  const failures = [];
  const logger = { warn: (message, fields) => failures.push([message, fields]) };
  const petrel = await createPetrel({ ...options, logger });
  t.after(() => petrel.stop());
  const [first, second] = petrel.chains;
  assert.deepEqual([first.id, second.id, second.name], [chain.l2_chain_id, OTHER, 'other']);
  const head = await new Promise((resolve) => first.on('head', resolve));
  assert.ok(first.head.number >= head.number);
  const next = await first.nextBlock();
  const { hash, parent } = await emitted(daemon, next.number);
  assert.deepEqual([next.hash, next.parent], [hash, parent]);
  const until = performance.now() + 30_000;
  while ((await second.status()).state === 'connecting' && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  const states = (await petrel.status()).map(({ state, relays }) => [state, ...relays.map(({ state }) => state)]);
  assert.deepEqual(states, [['live', 'connected', 'other_chain'], ['waiting', 'other_chain', 'connected']]);
  assert.deepEqual(failures.filter(([message]) => message === 'record failed'), []);
  assert.equal(second.head, null);
});

test('a block has its header and its transactions, and a transaction is found by gossip alone', { timeout: 120_000 }, async (t) => {
  const { daemon, chain, options } = await twoChains(t);
  const petrel = await createPetrel(options);
  t.after(() => petrel.stop());
  const first = petrel.chain(chain.l2_chain_id);
  const { number, hash } = await first.nextBlock();
  const event = await emitted(daemon, number);
  const block = await first.block(hash, { transactions: 'full' });
  assert.deepEqual(
    [block.number, block.hash, block.parentHash, block.timestamp, block.timestampMs, block.txCount, block.bytes, block.version, block.via, block.canonical],
    [number, hash, event.parent, event.timestamp, event.timestamp_ms, event.txs, event.bytes, event.version, event.via, true],
  );
  assert.match(block.stateRoot, /^0x[0-9a-f]{64}$/);
  assert.equal(typeof block.baseFeePerGas, 'bigint');
  assert.ok(block.size > 10_000 && block.gasLimit > 0n);
  assert.deepEqual((await first.block(number)).transactions, block.transactions.map(({ hash }) => hash));
  assert.deepEqual((await first.block(BigInt(number), { transactions: 'raw' })).transactions.length, block.txCount);
  assert.ok((await first.block('latest')).number >= number);
  assert.equal(await first.block(number + 1_000_000), null);
  assert.equal(await petrel.chain('other').block('latest'), null);

  const { hash: wanted } = block.transactions.at(-1);
  const { block: of, index, confirmations, state } = await first.waitForTransaction(wanted, { confirmations: 2 });
  assert.deepEqual([of, index, state], [{ number, hash }, block.txCount - 1, 'signed']);
  assert.ok(confirmations >= 2);
  const [raw] = (await first.block(number, { transactions: 'raw' })).transactions.slice(-1);
  const sent = [];
  const rpc = { request: async (request) => (sent.push(request), wanted) };
  assert.equal((await first.sendRawTransaction(raw, { rpc })).hash, wanted);
  assert.deepEqual(sent, [{ method: 'eth_sendRawTransaction', params: [raw] }]);
});

test('in a browser both chains are in one worker', { timeout: 180_000 }, async (t) => {
  const { options, addresses } = await twoChains(t);
  const { page } = await browse(t, new URL('page/index.js', await serve(t, undefined, { root: packageDist })).href);
  const shown = await page.evaluate(async (options) => {
    const { createPetrel } = await import('/page/index.js');
    const petrel = await createPetrel(options);
    globalThis.petrel = petrel;
    const { number } = await petrel.chains[0].nextBlock();
    const statuses = await petrel.status();
    return { number, threads: statuses.map(({ thread }) => thread), bytes: statuses.map(({ moduleBytes }) => moduleBytes) };
  }, { ...options, relays: addresses });
  assert.ok(shown.number > 0);
  assert.deepEqual(shown.threads, ['worker', 'worker']);
  assert.equal(shown.bytes[0], shown.bytes[1]);
  assert.equal(page.workers().length, 1);
  await page.evaluate(() => globalThis.petrel.stop());
  const until = performance.now() + 5_000;
  while (page.workers().length > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(page.workers().length, 0);
});
