// An RPC that answers as another one does, and lies in one way that is chosen by `lie`.

import { createServer } from 'node:http';

/** One more than this 0x-quantity. */
const more = (quantity) => `0x${(BigInt(quantity) + 1n).toString(16)}`;
/** The number of a block so many blocks before: op-geth has the state of the last 128. */
const before = (number, blocks) => `0x${(BigInt(number) - blocks).toString(16)}`;
/** These 0x-bytes with the last bit flipped; a byte where there is none. */
const flipped = (hex) => (hex === '0x' ? '0x00' : `${hex.slice(0, -1)}${(parseInt(hex.at(-1), 16) ^ 1).toString(16)}`);
const firstLog = (receipts, change) => {
  const receipt = receipts.find(({ logs }) => logs.length > 0);
  change(receipt.logs);
  return receipts;
};

/** Each way to lie: the method that it is about, and what becomes of the true answer; `ask` asks the honest RPC. */
export const LIES = {
  balance: ['eth_getProof', (answer) => ({ ...answer, balance: more(answer.balance) })],
  nonce: ['eth_getProof', (answer) => ({ ...answer, nonce: more(answer.nonce) })],
  storage: ['eth_getProof', (answer) => ({ ...answer, storageProof: answer.storageProof.map((slot) => ({ ...slot, value: more(slot.value) })) })],
  code: ['eth_getCode', flipped],
  receipt: ['eth_getBlockReceipts', (receipts) => receipts.map((receipt, at) => (at === 1 ? { ...receipt, status: receipt.status === '0x1' ? '0x0' : '0x1' } : receipt))],
  log: ['eth_getBlockReceipts', (receipts) => firstLog(receipts, (logs) => (logs[0].data = flipped(logs[0].data)))],
  'missing log': ['eth_getBlockReceipts', (receipts) => firstLog(receipts, (logs) => logs.pop())],
  order: ['eth_getBlockReceipts', (receipts) => [receipts[1], receipts[0], ...receipts.slice(2)]],
  'other block': ['eth_getBlockReceipts', (receipts, ask) => ask('eth_getBlockReceipts', [`0x${(BigInt(receipts[0].blockNumber) - 1n).toString(16)}`])],
  'other chain': ['eth_getProof', async (answer) => ({ ...answer, accountProof: answer.accountProof.map((node, at) => (at === 0 ? flipped(node) : node)) })],
  stale: ['eth_getProof', async (answer, ask, params) => ask('eth_getProof', [params[0], params[1], before(await ask('eth_blockNumber', []), 20n)])],
  garbage: ['eth_getProof', () => ({ accountProof: 'none', balance: 7, storageProof: { length: 1e9 } })],
};

/** Starts it. `lie` may be changed while it runs; `null` tells the truth. */
export async function liar(honest) {
  const state = { lie: null, url: '', close: () => server.close() };
  const ask = async (method, params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return (await (await fetch(honest, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json()).result;
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const { id, method, params } = JSON.parse(text);
    let result = await ask(method, params);
    const [about, change] = LIES[state.lie] ?? [];
    if (about === method && result) result = await change(result, ask, params);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result: result ?? null }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${server.address().port}/`;
  return state;
}
