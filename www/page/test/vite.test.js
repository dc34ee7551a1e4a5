// The package in a Vite app, from the development server and built: the worker, the WebAssembly module and the chain's module are
// found without configuration.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { build, createServer, preview } from 'vite';

import { app, check } from '../../package/test/installed.js';
import { browse } from './harness.js';

const LIMIT = { timeout: 300_000 };

/** Vite's defaults, except for the address and the log level. */
function config(root) {
  const listen = { host: '127.0.0.1', port: 0, strictPort: false, open: false };
  return { root, configFile: false, logLevel: 'warn', server: listen, preview: listen };
}

/** The result of the app in Chromium, from this server, which is closed before its folder is removed. */
async function result(t, server) {
  try {
    const { page } = await browse(t, `http://127.0.0.1:${server.httpServer.address().port}/`);
    const handle = await page.waitForFunction(() => document.body?.dataset.result, undefined, { timeout: 90_000 });
    return JSON.parse(await handle.jsonValue());
  } finally {
    await server.close();
  }
}

test('from the development server', LIMIT, async (t) => {
  const server = await createServer(config(await app(t)));
  await server.listen();
  check(await result(t, server), 'worker');
});

test('built, from a static server', LIMIT, async (t) => {
  const root = await app(t);
  await build(config(root));
  check(await result(t, await preview(config(root))), 'worker');
});

const vectors = new URL('../../../tests/vectors/', import.meta.url);
const json = async (path) => JSON.parse(await readFile(new URL(path, vectors), 'utf8'));

/** An app that judges what `input.js` has, and says which WebAssembly modules it has loaded. */
const VERIFY = `
import { judgeEvidence, verify } from 'petrel/verify';
import { chain, documents, message, signer } from './input.js';

const { verdict, block } = await verify(Uint8Array.from(message), { chain, signer, at: 'block' });
const reports = [];
for (const { text, chain, signer } of documents) reports.push(await judgeEvidence(text, { chain, signer }));
const modules = performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.includes('.wasm'));
document.body.dataset.result = JSON.stringify({ verdict, number: block?.number, hash: block?.hash, reports, modules });
`;

test('petrel/verify judges a captured message and evidence in a page, without the node', LIMIT, async (t) => {
  const root = await app(t);
  const { messages } = await json('gossip/op-node-devnet/index.json');
  const { file, number, hash, signer } = messages.at(-1);
  const { files, ...evidence } = await json('evidence/index.json');
  const documents = await Promise.all(files.map(async ({ file }) => ({ ...evidence, text: await readFile(new URL(`evidence/${file}`, vectors), 'utf8') })));
  const message = [...(await readFile(new URL(`gossip/op-node-devnet/${file}`, vectors)))];
  const input = { chain: await json('gossip/op-node-devnet/rollup.json'), documents, message, signer };
  await writeFile(join(root, 'input.js'), Object.entries(input).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`).join(''));
  await writeFile(join(root, 'main.js'), VERIFY);
  await build(config(root));
  const { modules, ...judged } = await result(t, await preview(config(root)));
  assert.deepEqual(judged, { verdict: 'accept', number, hash, reports: files.map(({ report }) => report) });
  assert.equal(modules.length, 1, modules.join());
  assert.match(modules[0], /petrel_verify/);
});
