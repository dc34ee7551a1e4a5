// An invented L1: headers that hash to their hashes, with proofs of SystemConfig's signer slot, and what serves them as a real node would.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';

const vectors = JSON.parse(await readFile(new URL('../../../tests/vectors/l1/signers.json', import.meta.url), 'utf8'));

export const { systemConfig, cases } = vectors;
/** The signer, and ten minutes later another one. */
export const [FIRST, ROTATED] = cases;

/** The result of a method of a node whose newest block is that of `newest`. A node knows the blocks of all cases. */
export function resultOf(newest, method, params) {
  if (method === 'eth_chainId') return '0x1';
  if (method === 'eth_getBlockByNumber') return newest.header;
  if (method === 'eth_getStorageAt') return newest.proof.storageProof[0].value.replace('0x', `0x${'0'.repeat(24)}`);
  if (method === 'eth_getBlockByHash') return cases.find(({ header }) => header.hash === params[0])?.header ?? null;
  const at = cases.find(({ header }) => header.hash === params[2]?.blockHash || header.number === params[2]);
  return at?.proof ?? null;
}

/** A server whose node has this newest block; `change` may change each answer, of which it gets the method. */
export async function served(t, { newest = FIRST, change = (answer) => answer } = {}) {
  const requests = [];
  const node = { newest, change, requests };
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const { method, params } = JSON.parse(Buffer.concat(parts).toString());
      requests.push(method);
      const answer = node.change({ jsonrpc: '2.0', id: 1, result: resultOf(node.newest, method, params) }, method, params);
      response.writeHead(200, { 'content-type': 'application/json' }).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(node, { url: `http://127.0.0.1:${server.address().port}/a-secret` });
}
