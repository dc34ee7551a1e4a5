// A block as the application has it, from the JSON that the node gives.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { fullBlock } = await import(new URL('page/full-block.js', packageDist));

const hex = (byte, length = 32) => `0x${byte.repeat(length)}`;
const ALWAYS = {
  number: '0x1b4',
  hash: hex('01'),
  parentHash: hex('02'),
  sha3Uncles: hex('03'),
  miner: hex('04', 20),
  stateRoot: hex('05'),
  transactionsRoot: hex('06'),
  receiptsRoot: hex('07'),
  logsBloom: hex('00', 256),
  difficulty: '0x0',
  gasLimit: '0x3938700',
  gasUsed: '0xffffffffffffffff',
  timestamp: '0x6a000000',
  extraData: '0x01000000fa00000006',
  mixHash: hex('08'),
  nonce: '0x0000000000000000',
  size: '0x3e8',
  uncles: [],
  petrel: { timestampMs: 1778384896200, bytes: 900, version: 'V4', signer: null, via: 'sync', canonical: true },
};
const NEWER = {
  baseFeePerGas: '0xf4240',
  withdrawalsRoot: hex('09'),
  withdrawals: [{ index: '0x1', validatorIndex: '0x2', address: hex('0a', 20), amount: '0x3' }],
  blobGasUsed: '0x0',
  excessBlobGas: '0x5',
  parentBeaconBlockRoot: hex('0b'),
  requestsHash: hex('0c'),
};

test('quantities are numbers or bigints, and hashes stay', () => {
  const block = fullBlock(JSON.stringify({ ...ALWAYS, ...NEWER, transactions: [hex('0d')] }), 'hashes');
  const { uncles: _, petrel, ...hashes } = ALWAYS;
  assert.deepEqual(block, {
    ...hashes,
    ...NEWER,
    ...petrel,
    number: 436,
    difficulty: 0n,
    gasLimit: 60_000_000n,
    gasUsed: 2n ** 64n - 1n,
    timestamp: 0x6a000000,
    baseFeePerGas: 1_000_000n,
    withdrawals: [{ index: 1n, validatorIndex: 2n, address: hex('0a', 20), amount: 3n }],
    blobGasUsed: 0n,
    excessBlobGas: 5n,
    size: 1000,
    txCount: 1,
    transactions: [hex('0d')],
  });
});

test('what the fork does not have is null', () => {
  const block = fullBlock(JSON.stringify({ ...ALWAYS, transactions: [] }), 'raw');
  for (const name of Object.keys(NEWER)) assert.equal(block[name], null, name);
  assert.deepEqual([block.txCount, block.transactions], [0, []]);
});

test('decoded transactions have numbers and bigints too; one that cannot be decoded stays', () => {
  const known = {
    hash: hex('01'), type: '0x2', blockHash: hex('02'), blockNumber: '0x9', transactionIndex: '0x1', from: hex('03', 20), to: null, nonce: '0x7',
    value: '0xde0b6b3a7640000', gas: '0x5208', maxFeePerGas: '0x2', maxPriorityFeePerGas: '0x1', chainId: '0xa', input: '0x', v: '0x1', yParity: '0x1',
    r: '0x5', s: '0x6', accessList: [{ address: hex('04', 20), storageKeys: [] }],
  };
  const unknown = { hash: hex('05'), blockHash: hex('02'), blockNumber: '0x9', transactionIndex: '0x2', type: '0x7d', raw: '0x7d00' };
  const { transactions } = fullBlock(JSON.stringify({ ...ALWAYS, transactions: [known, unknown] }), 'full');
  assert.deepEqual(transactions, [
    {
      ...known, type: 2, blockNumber: 9, transactionIndex: 1, nonce: 7, value: 10n ** 18n, gas: 21_000n, maxFeePerGas: 2n, maxPriorityFeePerGas: 1n,
      chainId: 10, v: 1n, yParity: 1,
    },
    { ...unknown, blockNumber: 9, transactionIndex: 2, type: 125 },
  ]);
});
