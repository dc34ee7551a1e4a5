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
 * Runs a program; `lines` gets what it prints, `seen(find)` waits for a line of it, `said(find)` for one on its standard
 * error. It ends with the test.
 */
export function run(t, command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = [];
  const waiters = new Set();
  const errors = [];
  let over = false;
  const look = () => waiters.forEach((waiter) => waiter());
  const end = () => {
    over = true;
    look();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    look();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    look();
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
      const timer = setTimeout(() => finish(reject, new Error(`${command} did not say it within ${within} ms: ${said()}`)), within);
      const said = () => [...lines.slice(-20), ...errors.slice(-20)].join('\n');
      const finish = (settle, value) => {
        clearTimeout(timer);
        waiters.delete(waiter);
        settle(value);
      };
      const waiter = () => {
        const found = source.map(find).find((value) => value !== undefined);
        if (found !== undefined) finish(resolve, found);
        else if (over) finish(reject, new Error(`${command} ended: ${said()}`));
      };
      waiters.add(waiter);
      waiter();
    });
  const seen = (find, within = 60_000) => wait(lines, find, within);
  const said = (find, within = 60_000) => wait(errors, find, within);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { lines, seen, said, ended, pid: child.pid };
}

/** A line as JSON, or `undefined`. */
export function json(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A devnet with JSON events, and the page's address, which it says on stderr. */
export async function devnet(t, args) {
  const daemon = run(t, program('PETREL_BIN', 'petrel'), ['devnet', '--events', 'json', ...args]);
  return { daemon, url: await daemon.said((line) => /http:\/\/\S+/.exec(line)?.[0]) };
}

/** The daemon's own event of a block; the tab may be quicker than the line. */
export function block(daemon, number, within) {
  return daemon.seen((line) => {
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

/** A page in Chromium, of a phone's or a desktop's size. `complaints` are what its console says. */
export async function browse(t, url, options = {}, flags = []) {
  const browser = await chromium.launch({
    executablePath: await executable(),
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run', ...flags],
    timeout: 120_000,
  });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  const requests = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url, { timeout: 120_000 });
  return { page, complaints, requests };
}

async function executable() {
  const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  for (const path of [process.env.PETREL_CHROMIUM, ...known]) {
    if (path && (await access(path).then(() => true, () => false))) return path;
  }
  throw new Error('no Chromium: install it (Debian: chromium), or name one with PETREL_CHROMIUM');
}

/** The blocks that the page shows, newest first. */
export function shown(page) {
  return page.$$eval('#rows tr', (rows) => rows.map((row) => ({ number: Number(row.dataset.number), hash: row.dataset.hash })));
}

/** The lines about a peer in the page's log that have this in them. */
export function said(page, peer, text) {
  return page.locator('#log li').filter({ hasText: peer.slice(-6) }).filter({ hasText: text });
}

/** What the page has shown since this runs in it, be it for a moment: `seen`, hashes by number. The table keeps the latest. */
export function noted() {
  window.seen = new Map();
  const take = (rows) => rows.forEach(({ dataset }) => window.seen.set(Number(dataset.number), dataset.hash));
  const begin = () => {
    const table = document.querySelector('#rows');
    take([...table.children]);
    new MutationObserver((changes) => changes.forEach(({ addedNodes }) => take([...addedNodes]))).observe(table, { childList: true });
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin);
  else begin();
}

/** From now on the page notes every block that it shows. */
export function note(page) {
  return page.evaluate(noted);
}

/** Waits until the page has shown all these blocks since `note`; they must be the daemon's. */
export async function whole(t, page, daemon, from, to) {
  const back = performance.now();
  const rows = await page.waitForFunction(
    ([from, to]) => {
      const { seen } = window;
      return Array.from({ length: to - from + 1 }, (_, at) => from + at).every((number) => seen.has(number)) && [...seen];
    },
    [from, to],
    { timeout: 180_000 },
  );
  t.diagnostic(`all ${to - from + 1} blocks ${Math.round((performance.now() - back) / 100) / 10} s after it was back`);
  const seen = new Map(await rows.jsonValue());
  for (let number = from; number <= to; number++) {
    const { hash } = await block(daemon, number);
    if (seen.get(number) !== hash) throw new Error(`block ${number} is ${seen.get(number)}, not ${hash}`);
  }
}
