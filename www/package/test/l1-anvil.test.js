// A real L1: anvil's blocks and proofs, and a rotation of the signer in SystemConfig's slot. Skipped where anvil is not installed, which
// `cargo xtask interop devnet` does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { packageDist } from '../../folders.js';

const { createFollower, loadChain } = await import(new URL('page/index.js', packageDist));
const { L1Signer } = await import(new URL('worker/l1-signer.js', packageDist));
const { SIGNER_SLOT } = await import(new URL('worker/l1-reading.js', packageDist));
const { loadModule } = await import(new URL('worker/module.js', packageDist));

const installed = fileURLToPath(new URL('../../../target/interop/anvil/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil', import.meta.url));
const anvil = process.env.PETREL_INTEROP_ANVIL ?? installed;
const skip = existsSync(anvil) ? false : 'anvil is not installed';

const [OLD, NEW] = ['a1', 'b2'].map((byte) => `0x${byte.repeat(20)}`);
const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];

/** A running L1 with a contract in place of the chain's SystemConfig, and what calls it. */
async function started(t, systemConfig) {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address();
  await new Promise((closed) => free.close(closed));
  const child = spawn(anvil, ['--port', String(port), '--chain-id', '1', '--hardfork', 'prague', '--silent'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const call = async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { result, error } = await response.json();
    assert.equal(error, undefined, JSON.stringify(error));
    return result;
  };
  for (let tries = 0; (await call('eth_chainId').catch(() => null)) === null; tries += 1) {
    assert.ok(tries < 300, 'anvil does not answer');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const setSigner = async (signer) => {
    await call('anvil_setStorageAt', systemConfig, SIGNER_SLOT, `0x${'00'.repeat(12)}${signer.slice(2)}`);
    await call('evm_increaseTime', 12);
    await call('anvil_mine', '0x1');
  };
  await call('anvil_setCode', systemConfig, '0x00');
  await setSigner(OLD);
  return { url, call, setSigner, header: () => call('eth_getBlockByNumber', 'latest', false) };
}

test('a follower reads its signer from a real L1, by a URL and by a provider', { skip, timeout: 60_000 }, async (t) => {
  const { l1_system_config_address: systemConfig } = await loadChain('op-mainnet');
  const l1 = await started(t, systemConfig);
  const request = ({ method, params }) => l1.call(method, ...params);
  for (const option of [{ request: l1.url, header: l1.header }, { request: { request }, header: l1.header }, { request }]) {
    const follower = await createFollower({ chain: 'op-mainnet', relays, store: null, l1: option });
    for await (const event of follower.events()) {
      assert.notEqual(event.event, 'l1_failed', event.message);
      if (event.event !== 'signer_changed') continue;
      assert.equal(event.current, OLD);
      break;
    }
    await follower.stop();
  }
});

test('a rotation on a real L1 is followed, and a node that lags behind it does not undo it', { skip, timeout: 60_000 }, async (t) => {
  const { l1_system_config_address: systemConfig } = await loadChain('op-mainnet');
  const l1 = await started(t, systemConfig);
  const { l1Header, l1Signer, l1Word } = await loadModule(undefined);
  let trusted = await l1.header();
  let mono = 0;
  t.mock.timers.enable({ apis: ['setInterval'] });
  const seen = [];
  let changed;
  const next = () => new Promise((resolve) => (changed = resolve));
  const signer = new L1Signer({ requests: [l1.url], header: null, verifies: false }, { systemConfig, chain: 1 }, {
    fetch: (url, options) => fetch(url, options),
    ask: async () => JSON.stringify(trusted.hash),
    now: () => Date.now() + 60_000,
    mono: () => mono,
    header: l1Header,
    signer: l1Signer,
    word: l1Word,
    read: (address, rotation) => (seen.push([address.toLowerCase(), rotation]), changed()),
    emit: ({ code }) => (seen.push(code), changed()),
  });
  t.after(() => signer.end());
  const read = async (begin) => {
    const done = next();
    begin();
    await done;
  };
  const early = () => {
    signer.track({ event: 'rejected', fault: 'wrong_signer' });
    mono += 31_000;
    t.mock.timers.tick(2_000);
  };
  await read(() => signer.begin());
  const old = trusted;
  await l1.setSigner(NEW);
  trusted = await l1.header();
  await read(early);
  trusted = old;
  await read(early);
  assert.deepEqual(seen, [[OLD, false], [NEW, true], 'old_header']);
});
