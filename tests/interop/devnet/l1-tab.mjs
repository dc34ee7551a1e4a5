// A tab without a page: the npm package in Node, which reads its signer from the devnet's L1. Its events are lines of JSON on stdout.
// Arguments: the package's folder, a relay, L1's URL, and the file of the rollup.json.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const [folder, relay, l1, rollup] = process.argv.slice(2);
const { createFollower } = await import(new URL('page/index.js', pathToFileURL(`${folder}/`)));

/** The newest block of L1: the devnet trusts its own. */
async function header() {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['latest', false] });
  const response = await fetch(l1, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(5_000) });
  return (await response.json()).result;
}

const chain = JSON.parse(await readFile(rollup, 'utf8'));
const follower = await createFollower({ chain, relays: [relay], l1: { request: l1, header }, store: null });
for await (const event of follower.events()) console.log(JSON.stringify(event));
