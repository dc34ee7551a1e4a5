// `node tab.js --topic T --protocol P`: the host of peer.js in a tab of Chromium (PETREL_CHROMIUM). It reads one command per line
// from standard input, writes one event per line to standard output, and exits at the end of its input.

import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const { values } = parseArgs({ options: { topic: { type: 'string' }, protocol: { type: 'string' } } });
const entry = new URL('page.js', import.meta.url).pathname;
const bundle = await build({ entryPoints: [entry], bundle: true, format: 'esm', target: 'es2022', write: false });
const script = bundle.outputFiles[0].contents;

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const file = url.searchParams.get('file');
  if (url.pathname === '/page.js') return response.setHeader('content-type', 'text/javascript').end(script);
  if (url.pathname !== '/file') return response.setHeader('content-type', 'text/html').end('<script type="module" src="/page.js"></script>');
  if (request.method === 'PUT') await writeFile(file, await buffer(request));
  response.end(request.method === 'PUT' ? '' : await readFile(file));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

// Longer than each step takes on a busy machine, milliseconds.
const timeout = 120_000;
const browser = await chromium.launch({
  timeout,
  executablePath: process.env.PETREL_CHROMIUM,
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
});
const end = () => browser.close().finally(() => process.exit(0));
const page = await browser.newPage();
page.on('pageerror', (error) => console.error(String(error)));
await page.exposeFunction('emit', (event) => console.log(JSON.stringify(event)));
// A secure context, in which crypto.subtle and WebTransport exist.
await page.goto(`http://127.0.0.1:${server.address().port}/`, { timeout });
await page.waitForFunction(() => window.begin !== undefined, undefined, { timeout });
await page.evaluate((options) => window.begin(options), values);
console.log(JSON.stringify({ event: 'ready' }));
createInterface({ input: process.stdin })
  .on('line', (line) => void page.evaluate((command) => void window.execute(command), JSON.parse(line)))
  .on('close', end);
