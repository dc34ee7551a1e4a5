// What the page's tests share: processes that end with the test, a server for the built page, Chromium.

import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { pageDist } from '../../folders.js';

const root = new URL('../../../', import.meta.url);

/** A file of cargo's debug build: from the environment, or where cargo puts it. */
export function program(variable, name) {
  const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('target', root));
  return process.env[variable] ?? `${target}/debug/${name}`;
}

export const screens = fileURLToPath(new URL('target/screens/', root));

/**
 * Runs a program; `lines` has the lines of its standard output; `onStdout(find)` and `onStderr(find)` wait for a line of which `find`
 * returns a value. It ends with the test.
 */
export function run(t, command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = [];
  const waiters = new Set();
  const errors = [];
  let isEnded = false;
  const notify = () => waiters.forEach((waiter) => waiter());
  const end = () => {
    isEnded = true;
    notify();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    notify();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    notify();
  });
  child.on('exit', end);
  child.on('error', (error) => {
    errors.push(String(error));
    end();
  });
  t.after(() => {
    child.stdin.end();
    child.kill('SIGTERM');
  });
  const wait = (source, find, within) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(reject, new Error(`${command} printed no such line within ${within} ms: ${output()}`)), within);
      const output = () => [...lines.slice(-20), ...errors.slice(-20)].join('\n');
      const finish = (settle, value) => {
        clearTimeout(timer);
        waiters.delete(waiter);
        settle(value);
      };
      const waiter = () => {
        const found = source.map(find).find((value) => value !== undefined);
        if (found !== undefined) finish(resolve, found);
        else if (isEnded) finish(reject, new Error(`${command} ended: ${output()}`));
      };
      waiters.add(waiter);
      waiter();
    });
  const onStdout = (find, within = 60_000) => wait(lines, find, within);
  const onStderr = (find, within = 60_000) => wait(errors, find, within);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { lines, onStdout, onStderr, ended, pid: child.pid };
}

/** A line as JSON, or `undefined`. */
export function json(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A devnet with JSON events, and the page's URL, which it prints on stderr. */
export async function devnet(t, args) {
  const daemon = run(t, program('PETREL_BIN', 'petrel'), ['devnet', '--events', 'json', ...args]);
  return { daemon, url: await daemon.onStderr((line) => /http:\/\/\S+/.exec(line)?.[0]) };
}

/** The daemon's event of a block; waits for it, because the tab may show the block first. */
export function block(daemon, number, within) {
  return daemon.onStdout((line) => {
    const event = json(line);
    return event?.event === 'block' && event.number === number ? event : undefined;
  }, within);
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };

/** Serves the built page, or another folder, with this `relay.json`; the page's URL. */
export async function serve(t, relay, { root = pageDist, headers = {}, record } = {}) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname.slice(1) || 'index.html';
    if (path === 'relay.json' && relay) {
      return response.setHeader('content-type', 'application/json').end(JSON.stringify(relay));
    }
    if (path === '.well-known/petrel.json' && record !== undefined) {
      return response.setHeader('access-control-allow-origin', '*').end(record);
    }
    try {
      const body = await readFile(new URL(path, root));
      response.setHeaders(new Headers(headers)).setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream').end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** A page in Chromium, of a phone's or a desktop's size. `consoleErrors` are the errors of its console. */
export async function browse(t, url, options = {}, flags = [], ignored = []) {
  const browser = await chromium.launch({
    executablePath: await executable(),
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run', ...flags],
    ignoreDefaultArgs: ignored,
    timeout: 120_000,
  });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const consoleErrors = [];
  const requests = [];
  page.on('console', (message) => message.type() === 'error' && consoleErrors.push(message.text()));
  page.on('pageerror', (error) => consoleErrors.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url, { timeout: 120_000 });
  return { page, consoleErrors, requests };
}

async function executable() {
  const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  for (const path of [process.env.PETREL_CHROMIUM, ...known]) {
    if (path && (await access(path).then(() => true, () => false))) return path;
  }
  throw new Error('no Chromium: install it (Debian: chromium), or set PETREL_CHROMIUM');
}

/** The blocks that the page shows, newest first. */
export function shown(page) {
  return page.$$eval('#rows tr', (rows) => rows.map((row) => ({ number: Number(row.dataset.number), hash: row.dataset.hash })));
}

/** How many blocks this origin's IndexedDB has, and the number of the last. */
export function savedBlocks(page) {
  return page.evaluate(async () => {
    const answer = (request) => new Promise((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = reject)));
    const database = await answer(indexedDB.open('petrel'));
    if (!database.objectStoreNames.contains('links')) return { count: 0 };
    const links = await answer(database.transaction('links').objectStore('links').getAll());
    database.close();
    return { count: links.length, last: links.at(-1)?.number };
  });
}

/** The lines about a peer in the page's log that contain `text`. */
export function logLines(page, peer, text) {
  return page.locator('#log li').filter({ hasText: peer.slice(-6) }).filter({ hasText: text });
}

/** Runs in the page: `window.seen` has every block that the page shows from now on, hashes by number. The table keeps the latest. */
export function observeBlocks() {
  window.seen = new Map();
  const add = (rows) => rows.forEach(({ dataset }) => window.seen.set(Number(dataset.number), dataset.hash));
  const begin = () => {
    const table = document.querySelector('#rows');
    add([...table.children]);
    new MutationObserver((changes) => changes.forEach(({ addedNodes }) => add([...addedNodes]))).observe(table, { childList: true });
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin);
  else begin();
}

/** From now on `observeBlocks` runs in the page. */
export function observe(page) {
  return page.evaluate(observeBlocks);
}

/** Waits until the page has shown all these blocks since `observe`; they must equal the daemon's. */
export async function checkAllShown(t, page, daemon, from, to) {
  const start = performance.now();
  const rows = await page.waitForFunction(
    ([from, to]) => {
      const { seen } = window;
      return Array.from({ length: to - from + 1 }, (_, at) => from + at).every((number) => seen.has(number)) && [...seen];
    },
    [from, to],
    { timeout: 180_000 },
  );
  t.diagnostic(`all ${to - from + 1} blocks ${Math.round((performance.now() - start) / 100) / 10} s after the page could connect`);
  const seen = new Map(await rows.jsonValue());
  for (let number = from; number <= to; number++) {
    const { hash } = await block(daemon, number);
    if (seen.get(number) !== hash) throw new Error(`block ${number} is ${seen.get(number)}, not ${hash}`);
  }
}
