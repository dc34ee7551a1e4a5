// Receipts and logs of verified blocks: an untrusted RPC's receipts, proven by the block's receipts root.

import type { ChainSource } from '../chain-source.js';
import type { BlockWindow, RpcBlock } from './block-window.js';
import { invalid, unsupported } from './errors.js';
import type { LieDetector } from './lie-detector.js';
import { bloomHashes, matches, mayMatch, type LogFilter, type RpcLog } from './logs.js';
import { blockId, type BlockId } from './params.js';

/** A proven receipt, as `eth_getTransactionReceipt` gives it, without what no root proves (`l1Fee`). */
export interface RpcReceipt {
  readonly transactionHash: string;
  readonly transactionIndex: string;
  readonly gasUsed: string;
  readonly logs: readonly RpcLog[];
  readonly [key: string]: unknown;
}

/** What was proven of so many blocks is kept. */
const MAX_BLOCKS = 32;
/** Blocks whose receipts one request for logs may ask for: the blooms of the blocks exclude most others. */
const MAX_LOG_BLOCKS = 200;

export class ReceiptReader {
  readonly #source: ChainSource;
  readonly #rpcs: LieDetector;
  readonly #window: BlockWindow;
  readonly #receipts = new Map<string, Promise<readonly RpcReceipt[]>>();
  readonly #logs = new Map<string, Promise<readonly RpcLog[]>>();

  constructor(source: ChainSource, rpcs: LieDetector, window: BlockWindow) {
    this.#source = source;
    this.#rpcs = rpcs;
    this.#window = window;
  }

  /** All receipts of the block of this hash, in order. */
  ofBlock(block: string): Promise<readonly RpcReceipt[]> {
    return kept(this.#receipts, block, () => this.#proven<RpcReceipt>('receipts', block));
  }

  /** All logs of the block of this hash. The node proves them with less work than receipts, whose senders it has to recover. */
  logsOf(block: string): Promise<readonly RpcLog[]> {
    const receipts = this.#receipts.get(block);
    if (receipts) return receipts.then((list) => list.flatMap(({ logs }) => logs));
    return kept(this.#logs, block, () => this.#proven<RpcLog>('logs', block));
  }

  #proven<T>(method: 'receipts' | 'logs', block: string): Promise<readonly T[]> {
    return this.#rpcs.proven({
      method: 'eth_getBlockReceipts',
      params: [block],
      block,
      prove: async (answer) => JSON.parse((await this.#source.call(method, block, JSON.stringify(answer))) as string) as T[],
    });
  }

  /** The receipt of a transaction of the canonical chain; `null` when no kept block has it. */
  async ofTransaction(hash: string): Promise<RpcReceipt | null> {
    const transaction = await this.#window.transaction(hash);
    if (!transaction) return null;
    const receipts = await this.ofBlock(transaction.blockHash);
    return receipts[Number(transaction.transactionIndex)] ?? null;
  }

  /** The logs of the kept blocks that a filter names, each proven. */
  async logs(filter: LogFilter): Promise<readonly RpcLog[]> {
    const hashes = await bloomHashes(filter, (data) => this.#hash(data));
    const wanted = (await this.#range(filter)).filter(({ logsBloom }) => mayMatch(logsBloom, hashes));
    if (wanted.length > MAX_LOG_BLOCKS) {
      throw invalid(`the logs of ${wanted.length} blocks would have to be proven, at most ${MAX_LOG_BLOCKS} are: give a shorter range or a narrower filter`);
    }
    const logs = await Promise.all(wanted.map(({ hash }) => this.logsOf(hash)));
    return logs.flat().filter((log) => matches(log, filter));
  }

  async #range({ blockHash, fromBlock, toBlock }: LogFilter): Promise<RpcBlock[]> {
    if (blockHash !== undefined) return [await this.#window.need({ hash: blockHash })];
    const { from: oldest, to: head } = await this.#window.range();
    const [first, last] = [numberOf(blockId(fromBlock), head), numberOf(blockId(toBlock), head)];
    if (first > last) throw invalid(`the range of blocks ends before it begins: ${first} to ${last}`);
    if (first < oldest) throw await this.#window.notKept(first);
    const end = last < head ? last : head;
    const blocks: RpcBlock[] = [];
    for (let number = first; number <= end; number += 1n) blocks.push(await this.#window.need({ number }));
    return blocks;
  }

  async #hash(data: string): Promise<string> {
    return (await this.#source.call('hashOf', data)) as string;
  }
}

function numberOf(id: BlockId, head: bigint): bigint {
  if ('head' in id) return head;
  if ('number' in id) return id.number;
  throw unsupported('a range of blocks is given by numbers; one block is given as blockHash');
}

/** The entry of this block, made when there is none; the oldest goes when there are too many, and one that fails at once. */
function kept<T>(entries: Map<string, Promise<T>>, block: string, make: () => Promise<T>): Promise<T> {
  const known = entries.get(block);
  if (known) return known;
  const made = make();
  entries.set(block, made);
  made.catch(() => entries.delete(block));
  const [oldest] = entries.keys();
  if (entries.size > MAX_BLOCKS && oldest !== undefined) entries.delete(oldest);
  return made;
}
