// The package's interface in Node: with the real wasm module, in a thread of Node.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { packageDist } from '../../folders.js';
import { signingRelay } from './signed-record.js';

const { createFollower, PetrelError } = await import(new URL('page/index.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
// The discard port: nothing listens there.
const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
const OTHER = '12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7';
const options = { chain: 'op-mainnet', relays };
const done = { value: undefined, done: true };

async function code(wrong) {
  const error = await createFollower(wrong).then(
    () => assert.fail(`accepted: ${JSON.stringify(wrong)}`),
    (thrown) => thrown,
  );
  assert.ok(error instanceof PetrelError && error instanceof Error, String(error));
  assert.ok(error.message.length > 10 && error.remedy.length > 3, 'there is a message and a remedy');
  return error.code;
}

test('each kind of mistake is refused at the start, with its code and a remedy', async () => {
  const rollup = {
    l1_chain_id: 1,
    l2_chain_id: 7,
    block_time: 2,
    genesis: { l2_time: 1, l2: { number: 0, hash: `0x${'11'.repeat(32)}` } },
  };
  assert.equal(await code({ chain: 'op-manet', relays }), 'unknown_chain');
  assert.equal(await code({ chain: { l2_chain_id: 7 }, relays }), 'bad_chain');
  assert.equal(await code({ chain: rollup, relays }), 'no_signer');
  assert.equal(await code({ ...options, signer: '0x12' }), 'bad_signer');
  assert.equal(await code({ ...options, relays: [] }), 'no_relay');
  assert.equal(await code({ ...options, relays: ['/ip4/127.0.0.1/tcp/9', `/ip4/1.2.3.4/tcp/9/p2p/${PEER}`] }), 'bad_relay');
  assert.equal(await code({ chain: 10n, relays }), 'bad_options');
  assert.equal(await code({ relays }), 'bad_options');
});

test('a misspelt option is an error that names the right one', async () => {
  const thrown = await createFollower({ ...options, singer: `0x${'ab'.repeat(20)}` }).catch((error) => error);
  assert.equal(thrown.code, 'bad_options');
  assert.match(thrown.message, /"singer"/);
  assert.match(thrown.remedy, /give signer instead/);
  for (const wrong of [{ relay: relays }, { signal: new AbortController() }, { store: {} }, { worker: 'worker.js' }, { discover: 'no' }, { wasm: 7 }]) {
    assert.equal(await code({ ...options, ...wrong }), 'bad_options');
  }
  assert.equal(await code(undefined), 'bad_options');
  await using({ ...options, signer: undefined, signal: undefined }, async (follower) => {
    assert.throws(() => follower.blocks({ signl: AbortSignal.abort() }), { code: 'bad_options' });
    assert.throws(() => follower.events({ buffer: '9' }), { code: 'bad_options' });
  });
});

test('the status says what became of each given relay', async () => {
  const url = 'http://127.0.0.1:9/';
  await using({ ...options, relays: [relays[0], url], store: { load: async () => [], save: async () => {}, loadRelays: async () => [`/ip4/127.0.0.1/tcp/8/ws/p2p/${OTHER}`] } }, async (follower) => {
    for await (const { event } of follower.events()) if (event === 'record_failed') break;
    const { relays: given } = await follower.status();
    assert.deepEqual(given.map(({ relay }) => relay), [relays[0], url]);
    assert.equal(given[1].state, 'failed');
    assert.ok(given[1].error.length > 5);
  });
});

test('relays of an earlier run are dialled after those of the given URLs, and not at all where only given ones may be', async () => {
  const restored = `/ip4/127.0.0.1/tcp/8/ws/p2p/${OTHER}`;
  const calls = [];
  const store = { load: async () => [], save: async () => {}, loadRelays: async () => (calls.push('load'), [restored]), saveRelays: async () => void calls.push('save') };
  const given = { chain: 'op-mainnet', relays: ['http://127.0.0.1:9/'], store };
  const order = async (more) => {
    const kinds = [];
    await using({ ...given, ...more }, async (follower) => {
      const events = follower.events();
      // The record fails at once, and the dial too; then the record again after two seconds.
      for await (const { event, peer } of events) if (kinds.push(peer === OTHER ? 'restored' : event) === 2) break;
    });
    return kinds;
  };
  assert.deepEqual(await order({}), ['record_failed', 'restored']);
  assert.deepEqual(calls, ['load']);
  assert.deepEqual(await order({ discover: false }), ['record_failed', 'record_failed']);
  assert.deepEqual(calls, ['load'], 'nothing is remembered of it either');
});

test('with `discover: false` nobody is dialled but the given relay, whatever its record advertises', async (t) => {
  const [relay, other] = [signingRelay(), signingRelay()];
  // The discard port: each dial fails, and is an event.
  const at = ({ peer }) => `/ip4/127.0.0.1/tcp/9/ws/p2p/${peer}`;
  const document = relay.record({ chain: 10, addresses: [at(relay)], others: [at(other)] });
  const server = createServer((request, response) => response.end(request.url === '/.well-known/petrel.json' ? document : ''));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/`;
  const saved = [];
  const store = { load: async () => [], save: async () => {}, loadRelays: async () => [at(other)], saveRelays: async (_, relays) => void saved.push(relays) };
  /** The peers that are dialled until the given relay has been dialled three times: the others are dialled as soon as they are known. */
  const dialled = async (more) => {
    const peers = [];
    await using({ chain: 'op-mainnet', relays: [url], store, ...more }, async (follower) => {
      for await (const { event, peer } of follower.events()) {
        if (event === 'record_failed') assert.fail('the record is refused');
        if (event === 'dial_failed') peers.push(peer);
        if (peers.filter((dialled) => dialled === relay.peer).length === 3) break;
      }
    });
    return new Set(peers);
  };
  assert.deepEqual(await dialled({ discover: false }), new Set([relay.peer]));
  assert.deepEqual(saved, [], 'nothing is saved of it either');
  assert.deepEqual(await dialled({}), new Set([relay.peer, other.peer]));
  assert.ok(saved.length > 0);
});

test('the former name of `discover` is refused, and the error says the present one', async () => {
  const thrown = await createFollower({ ...options, advertisedRelays: false }).catch((error) => error);
  assert.equal(thrown.code, 'bad_options');
  assert.match(thrown.message, /"advertisedRelays"/);
  assert.match(thrown.remedy, /\bdiscover\b/);
});

test('not being connected is no error: the status says why', async () => {
  await using(options, async (follower) => {
    const status = await follower.status();
    assert.equal(status.state, 'connecting');
    assert.equal(typeof status.reason, 'string');
    assert.equal(status.chain.id, 10);
    assert.equal(status.head, null);
    assert.deepEqual([status.verified, status.rejected, status.peers.length], [0, 0, 0]);
    const none = { in: 0, out: 0 };
    const protocols = ['autonat', 'identify', 'meshsub', 'other', 'payloadByNumber', 'ping'];
    assert.deepEqual(status.traffic, {
      transports: { ws: none, webtransport: none },
      protocols: Object.fromEntries(protocols.map((name) => [name, none])),
    });
    assert.deepEqual([status.thread, status.threadReason], ['worker', null]);
  });
});

test('stopping ends every stream, may be called twice, and the status can still be read', async () => {
  const follower = await createFollower(options);
  const [blocks, events] = [follower.blocks(), follower.events()];
  const read = blocks.next();
  await Promise.all([follower.stop(), follower.stop()]);
  assert.deepEqual(await read, done);
  for await (const event of events) assert.ok(event.event, 'earlier events can still be read');
  assert.deepEqual(await follower.blocks().next(), done, 'a stream of a stopped follower is empty');
  const status = await follower.status();
  assert.equal(status.state, 'stopped');
  await follower.stop();
});

test('a signal stops the follower, before, during and after its start', async () => {
  const reason = new Error('enough');
  await assert.rejects(createFollower({ ...options, signal: AbortSignal.abort(reason) }), (thrown) => thrown === reason);

  const during = new AbortController();
  const starting = createFollower({ ...options, signal: during.signal });
  during.abort(reason);
  await assert.rejects(starting, (thrown) => thrown === reason);

  const after = new AbortController();
  const follower = await createFollower({ ...options, signal: after.signal });
  const read = follower.blocks().next();
  after.abort(reason);
  assert.deepEqual(await read, done);
  assert.equal((await follower.status()).state, 'stopped');
});

test("a stream's own signal ends that stream alone", async () => {
  await using(options, async (follower) => {
    const controller = new AbortController();
    const [aborted, other] = [follower.blocks({ signal: controller.signal }), follower.blocks()];
    const [ends, waits] = [aborted.next(), other.next()];
    controller.abort();
    assert.deepEqual(await ends, done);
    assert.equal((await follower.status()).state, 'connecting');
    const first = await Promise.race([waits, Promise.resolve('still pending')]);
    assert.equal(first, 'still pending');
    assert.deepEqual(await follower.blocks({ signal: AbortSignal.abort() }).next(), done);
  });
});

test('followers that start together have each their own state', async () => {
  const chains = { 'op-mainnet': 10, 'base-mainnet': 8453, 'unichain-mainnet': 130 };
  const followers = await Promise.all(Object.keys(chains).map((chain) => createFollower({ ...options, chain })));
  const all = await Promise.all(followers.map((follower) => follower.status()));
  assert.deepEqual(all.map(({ chain }) => chain.id), Object.values(chains));
  assert.equal(new Set(all.map(({ peer }) => peer)).size, followers.length);
  await Promise.all(followers.map((follower) => follower.stop()));
});

test('the module of a given URL is loaded, and a missing one is a typed error', async () => {
  const file = new URL('./follower-alone.js', import.meta.url);
  const run = (wasm) => promisify(execFile)(process.execPath, ['--experimental-websocket', fileURLToPath(file), String(wasm)]);
  const module = new URL('worker/petrel_wasm_bg.wasm', packageDist);
  assert.equal((await run(module)).stdout.trim(), 'connecting');
  assert.equal((await run(new URL('no.wasm', module))).stdout.trim(), 'no_wasm');
});

test('followers are independent of each other', async () => {
  await using(options, async (one) => {
    const other = await createFollower({ ...options, chain: 'base-mainnet' });
    assert.equal((await other.status()).chain.id, 8453);
    assert.notEqual((await one.status()).peer, (await other.status()).peer);
    await other.stop();
    assert.equal((await one.status()).state, 'connecting');
  });
});

async function using(given, body) {
  const follower = await createFollower(given);
  try {
    await body(follower);
  } finally {
    await follower.stop();
  }
}
