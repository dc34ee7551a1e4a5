// Fees from verified blocks: what op-geth's `eth_gasPrice`, `eth_maxPriorityFeePerGas` and `eth_feeHistory` answer.

import type { BlockWindow, RpcBlock, RpcTransaction } from './block-window.js';
import { invalid, unsupported } from './errors.js';
import { blockId, hex, quantity } from './params.js';
import type { ReceiptReader } from './receipts.js';

/** The least priority fee that op-geth suggests: `--gpo.minsuggestedpriorityfee`, 0.001 gwei. */
const MIN_TIP = 1_000_000n;
/** Blocks and percentiles of one fee history, as op-geth limits them. */
const MAX_BLOCKS = 1024n;
const MAX_PERCENTILES = 100;
const DEPOSIT = '0x7e';
const UNKNOWN_FEE =
  'the next base fee is not known: since Holocene the blocks say how it is computed, and before it chain_op_config in the rollup.json';

export class FeeReader {
  readonly #window: BlockWindow;
  readonly #receipts: ReceiptReader;

  constructor(window: BlockWindow, receipts: ReceiptReader) {
    this.#window = window;
    this.#receipts = receipts;
  }

  /** The base fee of the head and the suggested priority fee. */
  async gasPrice(): Promise<string> {
    const head = await this.#window.head('full');
    return hex(BigInt(head.baseFeePerGas) + suggestedTip(head));
  }

  async maxPriorityFeePerGas(): Promise<string> {
    return hex(suggestedTip(await this.#window.head('full')));
  }

  async history(count: unknown, newest: unknown, percentiles: unknown = []): Promise<unknown> {
    const wanted = typeof count === 'number' ? BigInt(count) : quantity(count, 'the number of blocks');
    const marks = checkedPercentiles(percentiles);
    const last = await this.#window.need(blockId(newest));
    const { from } = await this.#window.range();
    const to = BigInt(last.number);
    const oldest = [to - (wanted < MAX_BLOCKS ? wanted : MAX_BLOCKS) + 1n, from, 0n].reduce((a, b) => (a > b ? a : b));
    if (wanted < 1n) return { oldestBlock: '0x0', gasUsedRatio: [] };
    const blocks: RpcBlock[] = [];
    for (let number = oldest; number <= to; number += 1n) blocks.push(await this.#window.need({ number }, marks.length > 0 ? 'full' : 'hashes'));
    const reward = marks.length > 0 ? { reward: await Promise.all(blocks.map((block) => this.#rewards(block, marks))) } : {};
    const nextBaseFee = await this.#window.nextBaseFee(last.hash);
    if (nextBaseFee === null) throw unsupported(UNKNOWN_FEE);
    return {
      oldestBlock: hex(oldest),
      ...reward,
      baseFeePerGas: [...blocks.map(({ baseFeePerGas }) => baseFeePerGas), nextBaseFee],
      gasUsedRatio: blocks.map(({ gasUsed, gasLimit }) => Number(gasUsed) / Number(gasLimit)),
      // The chain has no blobs: op-geth gives their least base fee since Ecotone, and says that none of their gas is used.
      baseFeePerBlobGas: [...blocks, last].map(({ excessBlobGas }) => (excessBlobGas === undefined ? '0x0' : '0x1')),
      blobGasUsedRatio: blocks.map(() => 0),
    };
  }

  /** The priority fees at these percentiles of the gas that the block used. */
  async #rewards(block: RpcBlock, percentiles: readonly number[]): Promise<string[]> {
    const transactions = block.transactions as readonly RpcTransaction[];
    if (transactions.length === 0) return percentiles.map(() => '0x0');
    const receipts = await this.#receipts.ofBlock(block.hash);
    const tips = transactions
      .map((transaction, at) => ({ tip: tipOf(transaction, block), gas: BigInt(receipts[at]?.gasUsed ?? 0) }))
      .sort((one, other) => (one.tip < other.tip ? -1 : one.tip > other.tip ? 1 : 0));
    let [at, sum] = [0, tips[0]?.gas ?? 0n];
    return percentiles.map((percentile) => {
      const threshold = BigInt(Math.floor((Number(block.gasUsed) * percentile) / 100));
      while (sum < threshold && at < tips.length - 1) {
        at += 1;
        sum += tips[at]?.gas ?? 0n;
      }
      return hex(tips[at]?.tip ?? 0n);
    });
  }
}

/**
 * op-geth's suggestion (`eth/gasprice/optimism-gasprice.go`): the minimum while the head has room for another transaction of the size of
 * its largest one, else a tenth more than the median of its priority fees. Without receipts the gas limit of a transaction counts.
 */
function suggestedTip(head: RpcBlock): bigint {
  const transactions = (head.transactions as readonly RpcTransaction[]).filter(({ type, gas }) => type !== DEPOSIT && gas !== undefined);
  const largest = transactions.reduce((most, { gas }) => (BigInt(gas ?? 0) > most ? BigInt(gas ?? 0) : most), 0n);
  if (BigInt(head.gasUsed) + largest <= BigInt(head.gasLimit)) return MIN_TIP;
  const tips = transactions.map((transaction) => tipOf(transaction, head)).sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const median = tips[Math.floor(tips.length / 2)] ?? 0n;
  const suggested = median + median / 10n;
  return suggested > MIN_TIP ? suggested : MIN_TIP;
}

/** What the transaction paid above the base fee; `gasPrice` is the effective one. */
function tipOf({ gasPrice = '0x0', type }: RpcTransaction, { baseFeePerGas }: RpcBlock): bigint {
  const tip = BigInt(gasPrice) - BigInt(baseFeePerGas);
  return type === DEPOSIT || tip < 0n ? 0n : tip;
}

function checkedPercentiles(value: unknown): readonly number[] {
  if (value === null) return [];
  const list = Array.isArray(value) ? (value as unknown[]) : undefined;
  if (!list || list.length > MAX_PERCENTILES) throw invalid(`the percentiles are no list of at most ${MAX_PERCENTILES} numbers`);
  const rises = list.every((mark, at) => typeof mark === 'number' && mark >= 0 && mark <= 100 && (at === 0 || mark >= (list[at - 1] as number)));
  if (!rises) throw invalid('the percentiles are not from 0 to 100 in rising order');
  return list as number[];
}
