// The package in Node: its nodes run in a thread of `node:worker_threads`, which ends with them, and whose failures reach them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { packageDist } from '../../folders.js';
import { app } from './installed.js';

const { createFollower, createPetrel } = await import(new URL('page/index.js', packageDist));

const LIMIT = { timeout: 120_000 };
const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
// The discard port: nothing listens there.
const relays = [`/ip4/127.0.0.1/tcp/9/ws/p2p/${PEER}`];
const options = { chain: 'op-mainnet', relays, store: null };
const SCRIPT = new URL('worker/node-scope.js', packageDist);

/** A program that follows a chain, prints what `print` makes of the status or of the error, stops, and ends by itself. */
const program = (name, more = '') => `
import { createFollower } from ${JSON.stringify(name)};
try {
  const follower = await createFollower({ chain: 10, relays: ['${relays[0]}'], store: null, ${more} });
  const { thread, threadReason, state } = await follower.status();
  await follower.stop();
  console.log(JSON.stringify({ thread, threadReason, state }));
} catch ({ code, message, remedy }) {
  console.log(JSON.stringify({ code, message, remedy }));
}
`;

/** What the program prints, as JSON. */
async function printed(args, cwd) {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 30_000 });
  return JSON.parse(stdout);
}

const IN_THREAD = { thread: 'worker', threadReason: null, state: 'connecting' };
const index = new URL('page/index.js', packageDist).href;

test('a program in text follows in a thread, and its process ends after stop()', LIMIT, async () => {
  assert.deepEqual(await printed(['--experimental-websocket', '--input-type=module', '-e', program(index)]), IN_THREAD);
});

test('without a WebSocket the start is an error that says what to do, in a thread and without one', LIMIT, async () => {
  for (const more of ['', 'worker: () => { throw new Error() }']) {
    const { code, message, remedy } = await printed(['--no-experimental-websocket', '--input-type=module', '-e', program(index, more)]);
    assert.equal(code, 'no_websocket');
    assert.match(message, /WebSocket/);
    assert.match(remedy, /Node 22/);
  }
});

test('a start that fails leaves no thread: the process ends', LIMIT, async () => {
  for (const [more, code] of [['relays: []', 'no_relay'], ['signer: 10n', 'bad_options'], ["wasm: 'file:///no.wasm'", 'no_wasm']]) {
    assert.equal((await printed(['--experimental-websocket', '--input-type=module', '-e', program(index, more)])).code, code);
  }
});

test('a dial of an address at which nothing listens fails at once', LIMIT, async () => {
  const begin = performance.now();
  const follower = await createFollower(options);
  for await (const { event, error } of follower.events()) {
    if (event !== 'dial_failed') continue;
    assert.doesNotMatch(error, /Timeout/);
    break;
  }
  // Node tells of it by an error event alone; the node gives a dial up after ten seconds.
  assert.ok(performance.now() - begin < 8_000);
  await follower.stop();
});

test('the package gives Node its script: petrel/worker', LIMIT, async (t) => {
  const folder = await app(t);
  const own = "worker: () => new Worker(fileURLToPath(import.meta.resolve('petrel/worker')))";
  const imports = "import { Worker } from 'node:worker_threads';\nimport { fileURLToPath } from 'node:url';\n";
  await writeFile(join(folder, 'own.js'), imports + program('petrel', own));
  assert.deepEqual(await printed(['--experimental-websocket', 'own.js'], folder), IN_THREAD);
});

test('all chains are in one thread, which the option starts, and which ends with the last of them', LIMIT, async () => {
  const workers = [];
  const worker = () => (workers.push(new Worker(SCRIPT)), workers[0]);
  const petrel = await createPetrel({ chains: [10, 8453], relays, store: null, worker });
  const exited = new Promise((resolve) => workers[0].on('exit', resolve));
  const [op, base] = await petrel.status();
  assert.deepEqual([op.thread, base.thread, op.moduleBytes], ['worker', 'worker', base.moduleBytes]);
  await petrel.chain(10).stop();
  assert.equal((await petrel.chain(8453).status()).state, 'connecting');
  await petrel.stop();
  await exited;
  assert.equal(workers.length, 1);
});

/** Each way in which a thread fails: what it runs when it serves its nodes, and what the nodes are told. */
const FAILURES = {
  'a rejection that nothing handles': ["Promise.reject(new Error('lost'))", /lost/],
  'an exception that nothing catches': ["throw new Error('thrown')", /thrown/],
  'a process.exit()': ['process.exit(3)', /ended with the code 3/],
};

for (const [what, [code, message]] of Object.entries(FAILURES)) {
  test(`${what} in the thread fails its nodes`, LIMIT, async () => {
    const script = `import(${JSON.stringify(SCRIPT.href)}); require('node:worker_threads').parentPort.on('message', () => setTimeout(() => { ${code} }, 500));`;
    const follower = await createFollower({ ...options, worker: () => new Worker(script, { eval: true }) });
    await assert.rejects(follower.blocks().next(), { code: 'panic', message });
    assert.equal((await follower.status()).state, 'failed');
  });
}

test('a thread that somebody else ends fails its nodes', LIMIT, async () => {
  let worker;
  const follower = await createFollower({ ...options, worker: () => (worker = new Worker(SCRIPT)) });
  const next = follower.blocks().next();
  const rejected = assert.rejects(next, { code: 'panic', message: /its thread ended/ });
  await worker.terminate();
  await rejected;
});

test('where no thread can be started the node runs on the calling thread, and the status says why', LIMIT, async (t) => {
  const given = new Worker('throw new Error("no script")', { eval: true });
  const { versions } = process;
  t.after(() => Object.defineProperty(process, 'versions', { value: versions }));
  for (const [worker, reason] of [[() => given, /could not be loaded/], [() => assert.fail('no thread'), /no thread/], [undefined, /no Worker/]]) {
    // An environment without worker threads is none of Node.
    if (!worker) Object.defineProperty(process, 'versions', { value: {} });
    const follower = await createFollower({ ...options, ...(worker ? { worker } : {}) });
    const { thread, threadReason, state } = await follower.status();
    await follower.stop();
    assert.deepEqual([thread, state], ['page', 'connecting']);
    assert.match(threadReason, reason);
  }
});

test('no script of the package imports a module of Node by a name that a bundler finds', async () => {
  const dist = fileURLToPath(packageDist);
  const scripts = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith('.js'));
  assert.ok(scripts.length > 50);
  for (const file of scripts) {
    const script = await readFile(join(dist, file), 'utf8');
    assert.doesNotMatch(script, /(?:from|import|import\(|require\()\s*['"](?:node:|worker_threads|fs\b)/, file);
  }
});
