// A trap of the WebAssembly module, in a worker and without one: it ends its followers, and neither the process nor later followers.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

import { packageDist } from '../../folders.js';
import { trapping } from './trapping.js';

const { createFollower, createPetrel } = await import(new URL('page/index.js', packageDist));
const { guarded } = await import(new URL('worker/guard.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];
const OPTIONS = { chain: 'op-mainnet', relays, store: null };

/** The URL of the package's module in which these exported functions trap. */
async function moduleThatTraps(t, names) {
  const folder = await mkdtemp(join(tmpdir(), 'petrel-trap-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'trap.wasm');
  await writeFile(file, trapping(await readFile(new URL('worker/petrel_wasm_bg.wasm', packageDist)), names));
  return pathToFileURL(file);
}

/** Where the nodes run. */
const WHERE = {
  'in a thread': {},
  'without a worker': {
    worker: () => {
      throw new Error('none here');
    },
  },
};

// In this order: without a worker a module that does not trap is that of all later followers of this process.
for (const [where, more] of Object.entries(WHERE)) {
  const options = { ...OPTIONS, ...more };

  test(`a trap in a call rejects that call: ${where}`, async (t) => {
    const wasm = await moduleThatTraps(t, /^client_new$/);
    await assert.rejects(createFollower({ ...options, wasm }), { code: 'panic', message: /unreachable/ });
  });

  test(`a trap ends all chains of a createPetrel, and each says why: ${where}`, async (t) => {
    const wasm = await moduleThatTraps(t, /closures_*invoke/);
    const petrel = await createPetrel({ chains: [10, 8453], relays, store: null, ...more, wasm });
    for (const chain of petrel.chains) {
      await assert.rejects(chain.nextBlock(), { code: 'panic', message: /unreachable/ });
      await assert.rejects(chain.block('latest'), { code: 'panic' });
    }
    assert.deepEqual((await petrel.status()).map(({ state }) => state), ['failed', 'failed']);
    await petrel.stop();
  });

  test(`a trap in a call is the caller's error, and ends the chain: ${where}`, async (t) => {
    const wasm = await moduleThatTraps(t, /^client_block$/);
    const petrel = await createPetrel({ chains: [10], relays, store: null, ...more, wasm });
    const next = assert.rejects(petrel.chain(10).nextBlock(), { code: 'panic', message: /unreachable/ });
    await assert.rejects(petrel.chain(10).block('latest'), { code: 'panic', message: /unreachable/ });
    await next;
  });

  test(`a trap in a task ends its followers with an error; a later follower starts with a new module: ${where}`, async (t) => {
    const wasm = await moduleThatTraps(t, /closures_*invoke/);
    const [one, other] = await Promise.all([createFollower({ ...options, wasm }), createFollower({ ...options, wasm })]);
    for (const follower of [one, other]) {
      await assert.rejects(follower.blocks().next(), { code: 'panic', message: /unreachable/ });
      assert.equal((await follower.status()).state, 'failed');
      await follower.stop();
    }
    const later = await createFollower(options);
    assert.equal((await later.status()).state, 'connecting');
    await later.stop();
  });
}

test('after a trap no function of the module is called', () => {
  const traps = [];
  const calls = [];
  const exports = {
    memory: 7,
    client_status: () => calls.push('status'),
    closures_invoke: () => {
      throw new Error('unreachable');
    },
  };
  const { memory, client_status, closures_invoke } = guarded(exports, (thrown) => traps.push(thrown.message));
  assert.equal(memory, 7);
  client_status();
  assert.equal(closures_invoke(), undefined, 'the event loop gets no exception');
  assert.equal(client_status(), undefined);
  closures_invoke();
  assert.deepEqual([calls, traps], [['status'], ['unreachable']]);
});
