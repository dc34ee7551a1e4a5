// Receipts and logs of verified blocks: an untrusted RPC's receipts, proven by the block's receipts root.

import type { ChainSource } from '../chain-source.js';
import type { BlockRange, BlockWindow } from './block-window.js';
import { invalid, unsupported } from './errors.js';
import type { LieDetector } from './lie-detector.js';
import { matches, type LogFilter, type RpcLog } from './logs.js';
import { blockId, type BlockId } from './params.js';

/** A proven receipt, as `eth_getTransactionReceipt` gives it. */
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
    const { blockHash } = filter;
    // So that an unknown hash is named in the error as the other methods name it.
    if (blockHash !== undefined) await this.#window.need({ hash: blockHash });
    const blocks = blockHash === undefined ? await this.#range(filter) : { hash: blockHash };
    // Above the head there are no blocks yet, and so no logs.
    const isAbove = 'from' in blocks && blocks.from > blocks.to;
    const found = isAbove ? [] : await this.#window.matching(blocks, filter);
    if (found.length > MAX_LOG_BLOCKS) {
      throw invalid(`the logs of ${found.length} blocks would have to be proven, at most ${MAX_LOG_BLOCKS} are: give a shorter range or a narrower filter`);
    }
    const logs = await Promise.all(found.map(({ hash }) => this.logsOf(hash)));
    return logs.flat().filter((log) => matches(log, filter));
  }

  /** The numbers of a filter's range, as far as the head. */
  async #range({ fromBlock, toBlock }: LogFilter): Promise<BlockRange> {
    const { from: oldest, to: head } = await this.#window.range();
    const [from, last] = [numberOf(blockId(fromBlock), head), numberOf(blockId(toBlock), head)];
    if (from > last) throw invalid(`the range of blocks ends before it begins: ${from} to ${last}`);
    if (from < oldest) throw await this.#window.notKept(from);
    return { from, to: last < head ? last : head };
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
