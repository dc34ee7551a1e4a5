// `createPetrel` with the real WebAssembly module, in Node: its options, its chains, and a worker for all of them.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { ThreadWorker } from './thread-worker.js';

const { createPetrel, loadChain, PetrelError } = await import(new URL('page/index.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
// The discard port: nothing listens there.
const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
const OWN = {
  l1_chain_id: 1,
  l2_chain_id: 7,
  block_time: 2,
  genesis: { l2_time: 1, l2: { number: 0, hash: `0x${'11'.repeat(32)}` } },
};
const SIGNER = `0x${'ab'.repeat(20)}`;
/** What viem has for a chain, and more than the package looks at. */
const optimism = { id: 10, name: 'OP Mainnet', nativeCurrency: { decimals: 18 }, fees: { denominator: 10n }, formatters: { block: () => {} } };
const options = { chains: [10], relays, store: null };

async function using(given, body) {
  const petrel = await createPetrel({ store: null, relays, ...given });
  try {
    return await body(petrel);
  } finally {
    await petrel.stop();
  }
}

async function failure(wrong) {
  const error = await createPetrel(wrong).then(() => assert.fail('it was accepted'), (thrown) => thrown);
  assert.ok(error instanceof PetrelError && error.message.length > 10 && error.remedy.length > 3, String(error));
  return error;
}

test("chains are given as viem's objects, ids, names and objects, and found by each of them", async () => {
  const chains = [optimism, 8453n, 'unichain-mainnet', { ...OWN, petrel: { name: 'Ours', signer: SIGNER } }];
  await using({ chains }, async (petrel) => {
    assert.deepEqual(petrel.chains.map(({ id }) => id), [10, 8453, 130, 7]);
    assert.deepEqual(petrel.chains.map(({ name }) => name).slice(1), ['Base', 'Unichain', 'Ours']);
    const [op, base, , ours] = petrel.chains;
    for (const ref of [10, 10n, '10', 'op-mainnet', 'op', optimism, await loadChain(10)]) assert.equal(petrel.chain(ref), op);
    for (const ref of [8453, 'base', { id: 8453, name: 'Base' }]) assert.equal(petrel.chain(ref), base);
    for (const ref of [7, 'Ours', OWN]) assert.equal(petrel.chain(ref), ours);
    for (const ref of [1, 'opt', { id: 1, name: 'Ethereum' }, undefined]) assert.throws(() => petrel.chain(ref), { code: 'unknown_chain' });
    assert.throws(() => petrel.chain('unichain-main'), { remedy: /give 'unichain-mainnet' instead/ });
    assert.deepEqual(petrel.chains.map(({ head }) => head), [null, null, null, null]);
  });
});

test('each kind of mistake is refused at the start, with its code and a remedy', async () => {
  const code = async (wrong) => (await failure({ ...options, ...wrong })).code;
  assert.equal(await code({ chains: ['op-manet'] }), 'unknown_chain');
  assert.equal(await code({ chains: [{ l2_chain_id: 7 }] }), 'bad_chain');
  assert.equal(await code({ chains: [{}] }), 'bad_chain');
  assert.equal(await code({ chains: [OWN] }), 'no_signer');
  assert.equal(await code({ signers: { 10: '0x12' } }), 'bad_signer');
  assert.equal(await code({ relays: [] }), 'no_relay');
  assert.equal(await code({ relays: undefined }), 'no_relay');
  assert.equal(await code({ relays: ['/ip4/127.0.0.1/tcp/9'] }), 'bad_relay');
  const bad = [
    { chains: [] }, { chains: Array(17).fill(10) }, { chains: 10 }, { chains: undefined }, { chains: [10, 'op'] }, { chains: [true] }, { chains: [null] },
    { relays: relays[0] }, { relays: [7] }, { relays: { 10: relays[0] } }, { relays: { 8453: relays } }, { relays: { 10: relays, op: relays } },
    { signers: SIGNER }, { signers: { 8453: SIGNER } },
    { logger: {} }, { logger: console.log }, { logger: { warn: 7 } },
    { proofs: 'https://rpc.example' }, { proofs: ['rpc.example'] }, { proofs: ['wss://rpc.example'] }, { proofs: [{}] }, { proofs: { 8453: [] } },
    { unverified: 'eth_call' }, { unverified: [''] }, { unverified: [7] },
    { signal: 7 }, { store: {} }, { worker: 7 }, { wasm: 7 }, { discover: 'no' }, { share: 'all' }, { share: true },
  ];
  for (const wrong of bad) assert.equal(await code(wrong), 'bad_options', JSON.stringify(wrong));
  assert.equal((await failure(undefined)).code, 'bad_options');
  assert.match((await failure({ ...options, chain: 10 })).remedy, /give chains instead/);
  assert.match((await failure({ ...options, advertisedRelays: false })).remedy, /\bdiscover\b/);
});

test("a chain of viem's that the package does not know is refused, and the remedy says what to give", async () => {
  const error = await failure({ ...options, chains: [{ id: 84_531, name: 'Base Goerli' }] });
  assert.equal(error.code, 'unknown_chain');
  assert.match(error.message, /"Base Goerli" \(84531\)/);
  assert.match(error.remedy, /rollup\.json/);
});

test('an RPC is of one chain: with several each has its own list', async () => {
  const rpc = { request: async () => null };
  assert.match((await failure({ ...options, chains: [10, 8453], proofs: [rpc] })).remedy, /a list for each chain/);
  await using({ chains: [10, 8453], proofs: { op: [rpc, 'https://rpc.example'], 8453: [new URL('http://127.0.0.1:1')] }, unverified: ['eth_call'] }, () => {});
  await using({ chains: [10], proofs: [rpc] }, () => {});
});

test('where one chain cannot start none does, and the error says which one it is', async () => {
  const error = await failure({ ...options, chains: [10, 8453], relays: { 10: relays } });
  assert.equal(error.code, 'no_relay');
  assert.match(error.message, /^chain 8453: /);
});

test('a signal stops it, before, during and after its start', async () => {
  const reason = new Error('enough');
  await assert.rejects(createPetrel({ ...options, signal: AbortSignal.abort(reason) }), (thrown) => thrown === reason);
  const during = new AbortController();
  const starting = createPetrel({ ...options, chains: [10, 8453], signal: during.signal });
  during.abort(reason);
  await assert.rejects(starting, (thrown) => thrown === reason);
  const after = new AbortController();
  const petrel = await createPetrel({ ...options, chains: [10, 8453], signal: after.signal });
  const next = petrel.chains.map((chain) => assert.rejects(chain.nextBlock(), { code: 'stopped' }));
  after.abort(reason);
  await Promise.all(next);
  assert.deepEqual((await petrel.status()).map(({ state }) => state), ['stopped', 'stopped']);
});

test('the chains share one module, and one that stops leaves the others', async () => {
  await using({ chains: [10, 8453] }, async (petrel) => {
    const [op, base] = await petrel.status();
    assert.deepEqual([op.chain.id, base.chain.id, op.thread, op.moduleBytes], [10, 8453, 'worker', base.moduleBytes]);
    assert.notEqual(op.peer, base.peer);
    await petrel.chain(10).stop();
    assert.deepEqual((await petrel.status()).map(({ state }) => state), ['stopped', 'connecting']);
  });
});

test('in a worker each chain has a port of its own, and the worker ends with the last chain', { timeout: 60_000 }, async (t) => {
  globalThis.Worker = ThreadWorker;
  t.after(() => delete globalThis.Worker);
  const workers = [];
  const worker = () => (workers.push(new ThreadWorker()), workers[0]);
  const petrel = await createPetrel({ ...options, chains: [10, 8453], worker });
  const [op, base] = await petrel.status();
  assert.deepEqual([op.chain.id, base.chain.id, op.thread, op.threadReason, op.moduleBytes], [10, 8453, 'worker', null, base.moduleBytes]);
  assert.ok(op.moduleBytes > 2 ** 20);
  const [dialled] = await Promise.all(petrel.chains.map(async (chain) => {
    for await (const { event } of chain.events()) if (event === 'dial_failed') return chain.id;
  }));
  assert.equal(dialled, 10);
  await petrel.chain(10).stop();
  assert.equal((await petrel.chain(8453).status()).state, 'connecting');
  await petrel.stop();
  assert.equal(workers.length, 1);
  await workers[0].ended;
});

test('one list of URLs is for all chains: a relay of another one of them is no failure', { timeout: 60_000 }, async (t) => {
  const server = createServer((request, response) => response.end('{}'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/`;
  // Nine URLs are more than one chain may have.
  await using({ chains: [10, 8453], relays: Array(9).fill(url) }, async (petrel) => {
    assert.equal((await petrel.status())[0].relays.length, 9);
  });
  assert.equal((await failure({ ...options, relays: Array(9).fill(url) })).code, 'bad_relay');
});
