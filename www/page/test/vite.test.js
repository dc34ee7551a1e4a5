// The package in a Vite app, from the development server and built: the worker, the WebAssembly module and the chain's module are
// found without configuration.

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
