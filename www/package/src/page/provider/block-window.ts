// The verified blocks that the node keeps, in the form of JSON-RPC.

import { RpcError, RpcErrorCode } from './errors.js';
import { wanted, type LogFilter } from './logs.js';
import { hex, type BlockId } from './params.js';
import type { ChainSource } from '../chain-source.js';

/** A verified block as `eth_getBlockByNumber` gives it. */
export interface RpcBlock {
  readonly number: string;
  readonly hash: string;
  readonly timestamp: string;
  readonly gasLimit: string;
  readonly gasUsed: string;
  readonly logsBloom: string;
  readonly extraData: string;
  /** Since Bedrock, in which OP Stack chains begin. */
  readonly baseFeePerGas: string;
  readonly blobGasUsed?: string;
  readonly transactions: readonly (string | RpcTransaction)[];
  readonly [key: string]: unknown;
}

/** A transaction of a verified block, as `eth_getTransactionByHash` gives it. */
export interface RpcTransaction {
  readonly hash: string;
  readonly type: string;
  readonly gas?: string;
  readonly gasPrice?: string;
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly transactionIndex: string;
  readonly [key: string]: unknown;
}

/** The first and the last number. */
export interface BlockRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** How transactions are written. */
export type TransactionForm = 'hashes' | 'full';

/** Milliseconds that a request waits for the first verified block. */
const FIRST_BLOCK = 30_000;

export class BlockWindow {
  readonly #source: ChainSource;

  constructor(source: ChainSource) {
    this.#source = source;
  }

  /** The newest verified block; waits for the first one. */
  async head(form: TransactionForm = 'hashes'): Promise<RpcBlock> {
    return (await this.#load('latest', form)) ?? (await this.#first(form));
  }

  /** The block, or `null` when there is none yet, or none that is known. Rejects when it is older than the window. */
  async find(id: BlockId, form: TransactionForm = 'hashes'): Promise<RpcBlock | null> {
    if ('head' in id) return this.head(form);
    if ('hash' in id) return this.#load(id.hash, form);
    const head = await this.head();
    if (id.number > BigInt(head.number)) return null;
    const found = await this.#load(id.number.toString(), form);
    if (!found) throw await this.notKept(id.number);
    return found;
  }

  /** The block. Rejects when it is not in the window. */
  async need(id: BlockId, form: TransactionForm = 'hashes'): Promise<RpcBlock> {
    const found = await this.find(id, form);
    if (found) return found;
    throw new RpcError(RpcErrorCode.notFound, `no verified block is ${'hash' in id ? id.hash : hex((id as { number: bigint }).number)}`);
  }

  /** A transaction of the canonical chain. */
  async transaction(hash: string): Promise<RpcTransaction | null> {
    const json = await this.#source.call('transaction', hash);
    return json === undefined ? null : (JSON.parse(json) as RpcTransaction);
  }

  /** First and last number that are kept. */
  async range(): Promise<BlockRange> {
    await this.head();
    const { from, to } = JSON.parse((await this.#source.call('window')) as string) as { from: number; to: number };
    return { from: BigInt(from), to: BigInt(to) };
  }

  /**
   * The kept blocks whose blooms do not exclude a filter: of these numbers, or the one of this hash. Rejects with `no_block` when one is
   * not kept.
   */
  async matching(blocks: BlockRange | { readonly hash: string }, filter: LogFilter): Promise<readonly { readonly number: string; readonly hash: string }[]> {
    const range = 'hash' in blocks ? blocks : { from: Number(blocks.from), to: Number(blocks.to) };
    const json = await this.#source.call('matching', JSON.stringify({ ...range, any: wanted(filter) }));
    return JSON.parse(json as string) as { number: string; hash: string }[];
  }

  /** The base fee of the child of the block with this hash; `null` when the parameters of the base fee are not known. */
  async nextBaseFee(hash: string): Promise<string | null> {
    const json = await this.#source.call('block', hash, 'hashes');
    return json === undefined ? null : (JSON.parse(json) as { petrel: { nextBaseFee: string | null } }).petrel.nextBaseFee;
  }

  async notKept(number: bigint): Promise<RpcError> {
    const { from, to } = await this.range();
    return new RpcError(RpcErrorCode.notFound, `block ${number} is not kept: the verified blocks ${from} to ${to} are`);
  }

  async #load(which: string, form: TransactionForm): Promise<RpcBlock | null> {
    const json = await this.#source.call('block', which, form);
    if (json === undefined) return null;
    const { petrel: _, ...block } = JSON.parse(json) as RpcBlock & { petrel: unknown };
    return block as RpcBlock;
  }

  async #first(form: TransactionForm): Promise<RpcBlock> {
    await this.#headEvent();
    const head = await this.#load('latest', form);
    if (head) return head;
    throw new RpcError(RpcErrorCode.disconnected, `there is no verified block yet, after ${FIRST_BLOCK / 1000} s: status() says why`);
  }

  /** Ends at the next head, or after `FIRST_BLOCK`. */
  #headEvent(): Promise<void> {
    const { signal } = this.#source;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, FIRST_BLOCK);
      const stop = this.#source.onHead(done);
      signal.addEventListener('abort', done);
    });
  }
}
