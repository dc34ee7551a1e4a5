// The page `www/page/test/wallet.html` in Chromium, served with the package, a signed transaction, op-geth's RPC and the one that lies.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { dist, until } from './steps.js';

/** The page's own tests: they have a Chromium. */
const tests = pathToFileURL(process.env.PETREL_TAB ?? '/');
const TYPES = { '.js': 'text/javascript', '.html': 'text/html', '.wasm': 'application/wasm' };
/** Milliseconds between two polls for a receipt: viem's default, and that of ethers. */
const POLL = 4_000;

/** A server whose page is given what `settings(query)` returns, with RPCs at these paths of its own origin. */
async function serve(rpcs, settings) {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const reply = (type, body) => response.setHeader('content-type', type).end(body);
    try {
      if (pathname === '/wallet.json') return reply('application/json', JSON.stringify(await settings(searchParams)));
      const rpc = rpcs[pathname];
      if (rpc) {
        let body = '';
        for await (const part of request) body += part;
        return reply('application/json', await (await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text());
      }
      const isPackage = pathname.startsWith('/package/');
      const file = isPackage ? new URL(pathname.slice('/package/'.length), dist) : new URL('wallet.html', tests);
      reply(TYPES[extname(file.pathname)] ?? 'application/octet-stream', await readFile(file));
    } catch (thrown) {
      response.writeHead(500).end(String(thrown));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
}

/**
 * Opens it; `load(lie)` sends a transaction in the page and returns what the page shows, by name, with `polled`: when op-geth had the
 * receipt by polling, and `signed`: when the page showed the block, both in milliseconds from when the page had the transaction.
 */
export async function openWallet({ rollup, signer, relay, gethUrl, lying, account, geth, sign }) {
  const { browse } = await import(new URL('harness.js', tests));
  const ends = [];
  const current = {};
  const server = await serve({ '/geth': gethUrl, '/liar': lying.url }, async (query) => {
    const lie = query.get('lie');
    lying.lie = lie;
    const signed = await sign();
    current.hash = signed.hash;
    const geth = `${server.url}/geth`;
    return { rollup, signer, relay, account, raw: signed.raw, proofs: lie ? [`${server.url}/liar`, geth] : [geth] };
  });
  ends.push(server.close);
  const { page, consoleErrors } = await browse({ after: (end) => ends.push(end) }, 'about:blank');
  const shown = () => page.$$eval('dd', (list) => Object.fromEntries(list.map((dd) => [dd.previousSibling.textContent, dd.textContent])));
  const load = async (lie) => {
    current.hash = undefined;
    await page.goto(`${server.url}/${lie ? `?lie=${encodeURIComponent(lie)}` : ''}`);
    await until(() => current.hash, 'the transaction');
    const begin = performance.now();
    const times = {};
    const poll = async () => {
      while (!(await geth('eth_getTransactionReceipt', [current.hash]))) await new Promise((resolve) => setTimeout(resolve, POLL));
      times.polled = Math.round(performance.now() - begin);
    };
    const show = async () => {
      await page.waitForFunction(() => [...document.querySelectorAll('dt')].some(({ textContent }) => textContent === 'signed'), undefined, { timeout: 60_000, polling: 20 });
      times.signed = Math.round(performance.now() - begin);
    };
    await Promise.all([poll(), show()]);
    await page.waitForFunction(() => [...document.querySelectorAll('dt')].some(({ textContent }) => textContent === 'balance'), undefined, { timeout: 60_000 });
    lying.lie = null;
    assert.deepEqual(consoleErrors, []);
    return { ...times, hash: current.hash, shown: await shown() };
  };
  const close = async () => {
    for (const end of ends.reverse()) await end();
  };
  return { load, close };
}
