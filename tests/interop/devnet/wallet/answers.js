// Every method of the provider beside op-geth's own answer.

import { assertSame } from './steps.js';

/** What op-geth takes of a deposit from its receipt. */
const UNPROVEN_DEPOSIT = ['nonce', 'depositReceiptVersion'];

/** Compares all methods at this block; how many answers were equal. */
export async function compare(provider, geth, { number, hash }, { rich, contract }) {
  const id = `0x${number.toString(16)}`;
  const block = await geth('eth_getBlockByHash', [hash, false]);
  const last = block.transactions.at(-1);
  const index = `0x${(block.transactions.length - 1).toString(16)}`;
  const at = { blockHash: hash };
  const { type } = await geth('eth_getTransactionByHash', [last]);
  const deposit = type === '0x7e' ? UNPROVEN_DEPOSIT : [];
  const calls = [
    ['eth_chainId', []],
    ['net_version', []],
    ['eth_getBlockByNumber', [id, false]],
    ['eth_getBlockByHash', [hash, false]],
    ['eth_getBlockByNumber', [id, true], UNPROVEN_DEPOSIT],
    ['eth_getBlockTransactionCountByNumber', [id]],
    ['eth_getBlockTransactionCountByHash', [hash]],
    ['eth_getTransactionByHash', [last], deposit],
    ['eth_getTransactionByBlockHashAndIndex', [hash, index], deposit],
    ['eth_getTransactionByBlockNumberAndIndex', [id, '0x0'], UNPROVEN_DEPOSIT],
    ['eth_getTransactionReceipt', [last]],
    ['eth_getBlockReceipts', [id]],
    ['eth_getLogs', [{ blockHash: hash }]],
    ['eth_getLogs', [{ fromBlock: id, toBlock: id, address: contract }]],
    ['eth_getBalance', [rich, at]],
    ['eth_getBalance', ['0x00000000000000000000000000000000000000ff', id]],
    ['eth_getTransactionCount', [rich, at]],
    ['eth_getCode', [contract, at]],
    ['eth_getCode', [rich, at]],
    ['eth_getStorageAt', [contract, '0x0', at]],
    ['eth_getStorageAt', [contract, '0x77', at]],
    ['eth_getProof', [contract, ['0x0000000000000000000000000000000000000000000000000000000000000000'], at]],
    ['eth_feeHistory', ['0x1', id, []]],
    ['eth_feeHistory', ['0x2', id, [10, 50, 90]]],
  ];
  for (const [method, params, unproven = []] of calls) {
    const [ours, theirs] = [await provider.request({ method, params }), await geth(method, params)];
    assertSame(ours, theirs, unproven, `${method} ${JSON.stringify(params)}`);
  }
  return calls.length;
}
