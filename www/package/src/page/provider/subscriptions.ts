// `eth_subscribe`: new heads and logs, as messages of EIP-1193.

import type { ChainSource } from '../chain-source.js';
import { text } from '../../shared/errors.js';
import type { BlockWindow, RpcBlock } from './block-window.js';
import { invalid, unsupported } from './errors.js';
import { logFilter, matches, type LogFilter, type RpcLog } from './logs.js';
import { hex } from './params.js';
import type { ReceiptReader } from './receipts.js';

/** A message to subscribers: EIP-1193's `message` event. */
export interface SubscriptionMessage {
  readonly type: 'eth_subscription';
  readonly data: { readonly subscription: string; readonly result: unknown };
}

/** Subscriptions of one provider, and heads of one that may wait for their logs: 12 s of blocks at five a second. */
const MAX_SUBSCRIPTIONS = 64;
const MAX_WAITING = 64;

export class Subscriptions {
  readonly #source: ChainSource;
  readonly #window: BlockWindow;
  readonly #receipts: ReceiptReader;
  readonly #send: (message: SubscriptionMessage) => void;
  readonly #active = new Map<string, () => void>();
  #lastId = 0;

  constructor(source: ChainSource, window: BlockWindow, receipts: ReceiptReader, send: (message: SubscriptionMessage) => void) {
    this.#source = source;
    this.#window = window;
    this.#receipts = receipts;
    this.#send = send;
  }

  subscribe(kind: unknown, filter: unknown): string {
    if (this.#active.size >= MAX_SUBSCRIPTIONS) throw invalid(`there are ${MAX_SUBSCRIPTIONS} subscriptions, and more are not allowed`);
    this.#lastId += 1;
    const id = hex(this.#lastId);
    const send = (result: unknown): void => this.#send({ type: 'eth_subscription', data: { subscription: id, result } });
    this.#active.set(id, this.#source.onHead(this.#inOrder(this.#handler(kind, filter), send)));
    return id;
  }

  unsubscribe(id: unknown): boolean {
    const stop = this.#active.get(String(id));
    stop?.();
    return this.#active.delete(String(id));
  }

  /** What a new head sends. */
  #handler(kind: unknown, filter: unknown): (block: RpcBlock) => Promise<readonly unknown[]> {
    if (kind === 'newHeads') return async (block) => [header(block)];
    if (kind !== 'logs') throw unsupported(`${JSON.stringify(kind)} cannot be subscribed to: "newHeads" and "logs" can`);
    const checked = logFilter(filter ?? {});
    return async ({ hash }) => ((await this.#window.matching({ hash }, checked)).length > 0 ? this.#logs(hash, checked) : []);
  }

  async #logs(hash: string, filter: LogFilter): Promise<RpcLog[]> {
    return (await this.#receipts.logsOf(hash)).filter((log) => matches(log, filter));
  }

  /** One head after the other, so that messages keep the order of blocks. A head whose logs cannot be proven is told by the event `unproven`. */
  #inOrder(handle: (block: RpcBlock) => Promise<readonly unknown[]>, send: (result: unknown) => void): (head: { hash: string }) => void {
    let last = Promise.resolve();
    let waiting = 0;
    return ({ hash }) => {
      if (waiting >= MAX_WAITING) return this.#source.emit({ event: 'unproven', message: `block ${hash}: the RPCs are too slow` });
      waiting += 1;
      last = last
        .then(async () => {
          const block = await this.#window.find({ hash });
          if (block) (await handle(block)).forEach(send);
        })
        .catch((thrown: unknown) => this.#source.emit({ event: 'unproven', message: text(thrown) }))
        .finally(() => (waiting -= 1));
    };
  }
}

/** A block without its transactions and its size, as `newHeads` gives it. */
function header({ transactions: _, uncles: __, withdrawals: ___, size: ____, ...fields }: RpcBlock): unknown {
  return fields;
}
