// The chains that the package has by name: a module each, and none of them in the WebAssembly module.

import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { chains, createFollower, loadChain, PetrelError } = await import(new URL('page/index.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
const presets = new URL('../../../core/presets/', import.meta.url);

async function failure(promise) {
  const error = await promise.then(() => assert.fail('it was accepted'), (thrown) => thrown);
  assert.ok(error instanceof PetrelError, String(error));
  return error;
}

test('each preset is a chain of the package, and its module has all of it', async () => {
  const files = (await readdir(presets)).filter((file) => file.endsWith('.json'));
  assert.deepEqual(chains().map(({ slug }) => `${slug}.json`).sort(), files.sort());
  for (const { id, slug, name } of chains()) {
    const preset = JSON.parse(await readFile(new URL(`${slug}.json`, presets), 'utf8'));
    assert.deepEqual([preset.l2_chain_id, preset.petrel.name], [id, name]);
    for (const given of [slug, id, String(id), ...(preset.petrel.aliases ?? [])]) assert.deepEqual(await loadChain(given), preset);
  }
});

test('a change of a loaded chain does not affect later loads', async () => {
  (await loadChain('op')).genesis.l2.number = 7;
  assert.notEqual((await loadChain('op')).genesis.l2.number, 7);
});

test("a chain's module has less than 2 kB, and the list names each module literally", async () => {
  const folder = new URL('page/chains/', packageDist);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.js') && file !== 'index.js');
  assert.equal(files.length, chains().length);
  for (const file of files) assert.ok((await stat(new URL(file, folder))).size < 2_000, file);
  const index = await readFile(new URL('index.js', folder), 'utf8');
  for (const file of files) assert.ok(index.includes(`() => import('./${file}')`), file);
});

test('the WebAssembly module contains no chain', async () => {
  const wasm = await readFile(new URL('worker/petrel_wasm_bg.wasm', packageDist));
  for (const { slug, name } of chains()) {
    // Shorter names may be other text.
    for (const text of [slug, name].filter((text) => text.length > 7)) assert.equal(wasm.indexOf(text), -1, text);
  }
  assert.equal(wasm.indexOf('OP Mainnet'), -1);
});

test('a follower takes a name, another name, an id, and an object', async () => {
  for (const chain of ['base-mainnet', 'base', 8453, '8453', await loadChain('base-mainnet')]) {
    const follower = await createFollower({ chain, relays });
    const { id, name, blockTime, intervalMs, fork } = (await follower.status()).chain;
    assert.deepEqual([id, name, blockTime, intervalMs, fork], [8453, 'Base', 0.2, 200, 'denim']);
    await follower.stop();
  }
});

test('an unknown chain is refused, and similar ones are named', async () => {
  const unknown = async (chain) => {
    const { code, remedy } = await failure(createFollower({ chain, relays }));
    assert.equal(code, 'unknown_chain');
    assert.equal((await failure(loadChain(chain))).remedy, remedy);
    return remedy;
  };
  assert.match(await unknown('op-manet'), /'op-mainnet' \(10\)/);
  assert.match(await unknown('Base'), /'base-mainnet' \(8453\)/);
  assert.match(await unknown('unichain-main'), /'unichain-mainnet'/);
  assert.match(await unknown(8435), /'base-mainnet' \(8453\)/);
  for (const chain of ['', 'ethereum classic', 'x'.repeat(100_000), -1, 0.5, NaN]) assert.doesNotMatch(await unknown(chain), /perhaps/);
});

test('an object that is no chain is refused, and similar chains are named', async () => {
  const bad = async (chain) => {
    const { code, message, remedy } = await failure(createFollower({ chain, relays }));
    assert.equal(code, 'bad_chain');
    assert.match(message, /genesis/);
    return remedy;
  };
  assert.match(await bad({ l2_chain_id: 8453 }), /'base-mainnet' \(8453\)/);
  assert.match(await bad({ id: 10, name: 'OP Mainnet' }), /'op-mainnet' \(10\)/);
  assert.doesNotMatch(await bad({ l2_chain_id: 7 }), /perhaps/);
  assert.doesNotMatch(await bad({}), /perhaps/);
});
