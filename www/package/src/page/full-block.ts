// A block with its header and its transactions, from the JSON-RPC form in which the node gives it.

import type { Block, BlockRef, Hex } from '../shared/events.js';

/** What a block has of its transactions: hashes, the bytes that were signed, or decoded. */
export type TransactionForm = 'hashes' | 'raw' | 'full';

/** What `transactions` of a block has, by the form that was asked for. */
export interface TransactionForms {
  readonly hashes: Hex;
  readonly raw: Hex;
  readonly full: Transaction;
}

/** A decoded transaction. One of a type that this version cannot decode has `raw` instead of what is optional here. */
export interface Transaction {
  readonly hash: Hex;
  /** 0, 1, 2, 4, 126 (a deposit), 125. */
  readonly type: number;
  readonly blockHash: Hex;
  readonly blockNumber: number;
  readonly transactionIndex: number;
  /** Recovered from the signature; a deposit says it. */
  readonly from?: Hex;
  /** `null`: it creates a contract. */
  readonly to?: Hex | null;
  readonly nonce?: number;
  readonly value?: bigint;
  readonly gas?: bigint;
  readonly gasPrice?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly chainId?: number;
  readonly input?: Hex;
  readonly raw?: Hex;
  /** Other fields as JSON-RPC names them; quantities stay 0x-hex. */
  readonly [field: string]: unknown;
}

export interface Withdrawal {
  readonly index: bigint;
  readonly validatorIndex: bigint;
  readonly address: Hex;
  /** Gwei. */
  readonly amount: bigint;
}

/** A block as its sequencer signed it. What its fork does not have is `null`. */
export interface FullBlock<F extends TransactionForm = TransactionForm> extends BlockRef {
  readonly parentHash: Hex;
  readonly sha3Uncles: Hex;
  readonly miner: Hex;
  readonly stateRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  readonly logsBloom: Hex;
  readonly difficulty: bigint;
  readonly gasLimit: bigint;
  readonly gasUsed: bigint;
  /** Unix seconds, as in its header. */
  readonly timestamp: number;
  /** The block's own time in Unix milliseconds. */
  readonly timestampMs: number;
  readonly extraData: Hex;
  readonly mixHash: Hex;
  readonly nonce: Hex;
  readonly baseFeePerGas: bigint | null;
  readonly withdrawalsRoot: Hex | null;
  readonly withdrawals: readonly Withdrawal[] | null;
  readonly blobGasUsed: bigint | null;
  readonly excessBlobGas: bigint | null;
  readonly parentBeaconBlockRoot: Hex | null;
  readonly requestsHash: Hex | null;
  /** Bytes of the block in RLP. */
  readonly size: number;
  /** How many transactions it has. */
  readonly txCount: number;
  readonly transactions: readonly TransactionForms[F][];
  /** Bytes of the message, uncompressed. */
  readonly bytes: number;
  /** The payload's version, `V1` to `V4`. */
  readonly version: Block['version'];
  /** Who signed it; `null` when it was fetched: its signed descendants prove its hash. */
  readonly signer: Block['signer'];
  readonly via: Block['via'];
  /** Whether it is in the chain: `false` after a reorg. */
  readonly canonical: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** The fields of transactions that are numbers, and those that are larger. The rest stays as it is. */
const NUMBERS = new Set(['blockNumber', 'transactionIndex', 'nonce', 'chainId', 'type', 'yParity']);
const BIGINTS = new Set(['gas', 'gasPrice', 'maxFeePerGas', 'maxPriorityFeePerGas', 'maxFeePerBlobGas', 'value', 'mint', 'v']);

/** The node makes the JSON, so its shape is known. */
export function fullBlock<F extends TransactionForm>(json: string, form: F): FullBlock<F> {
  const block = JSON.parse(json) as Json;
  const { timestampMs, bytes, version, signer, via, canonical } = block['petrel'] as Pick<
    FullBlock,
    'timestampMs' | 'bytes' | 'version' | 'signer' | 'via' | 'canonical'
  >;
  const hex = (name: string): Hex => block[name] as Hex;
  const optionalHex = (name: string): Hex | null => (block[name] ?? null) as Hex | null;
  const big = (name: string): bigint => BigInt(hex(name));
  const optionalBig = (name: string): bigint | null => (typeof block[name] === 'string' ? big(name) : null);
  const transactions = block['transactions'] as readonly unknown[];
  return {
    number: Number(hex('number')),
    hash: hex('hash'),
    parentHash: hex('parentHash'),
    sha3Uncles: hex('sha3Uncles'),
    miner: hex('miner'),
    stateRoot: hex('stateRoot'),
    transactionsRoot: hex('transactionsRoot'),
    receiptsRoot: hex('receiptsRoot'),
    logsBloom: hex('logsBloom'),
    difficulty: big('difficulty'),
    gasLimit: big('gasLimit'),
    gasUsed: big('gasUsed'),
    timestamp: Number(hex('timestamp')),
    timestampMs,
    extraData: hex('extraData'),
    mixHash: hex('mixHash'),
    nonce: hex('nonce'),
    baseFeePerGas: optionalBig('baseFeePerGas'),
    withdrawalsRoot: optionalHex('withdrawalsRoot'),
    withdrawals: (block['withdrawals'] as readonly Json[] | undefined)?.map(withdrawal) ?? null,
    blobGasUsed: optionalBig('blobGasUsed'),
    excessBlobGas: optionalBig('excessBlobGas'),
    parentBeaconBlockRoot: optionalHex('parentBeaconBlockRoot'),
    requestsHash: optionalHex('requestsHash'),
    size: Number(hex('size')),
    txCount: transactions.length,
    transactions: (form === 'full' ? (transactions as Json[]).map(transaction) : transactions) as readonly TransactionForms[F][],
    bytes,
    version,
    signer,
    via,
    canonical,
  };
}

function transaction(json: Json): Transaction {
  const entries = Object.entries(json).map(([name, value]) => {
    if (typeof value !== 'string') return [name, value];
    return [name, NUMBERS.has(name) ? Number(value) : BIGINTS.has(name) ? BigInt(value) : value];
  });
  return Object.fromEntries(entries) as Transaction;
}

function withdrawal({ index, validatorIndex, address, amount }: Json): Withdrawal {
  const big = (value: unknown): bigint => BigInt(value as Hex);
  return { index: big(index), validatorIndex: big(validatorIndex), address: address as Hex, amount: big(amount) };
}
