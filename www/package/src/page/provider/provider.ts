// An EIP-1193 provider whose every answer is verified: blocks and transactions by the sequencer's signature, state and receipts of
// untrusted RPCs by the roots of verified blocks. What cannot be proven is refused, or passed through when the app has named it.

import type { ChainSource } from '../chain-source.js';
import { PetrelError } from '../../shared/errors.js';
import type { Hex, Lie } from '../../shared/events.js';
import { BlockWindow, type RpcBlock, type RpcTransaction } from './block-window.js';
import { asRpcError, invalid, unsupported } from './errors.js';
import { FeeReader } from './fees.js';
import { LieDetector } from './lie-detector.js';
import { logFilter } from './logs.js';
import { address, blockId, bytes, flag, hex, quantity, slot } from './params.js';
import { ReceiptReader } from './receipts.js';
import { StateReader } from './state.js';
import { Subscriptions, type SubscriptionMessage } from './subscriptions.js';
import type { ChainRpcs } from '../rpc.js';
import type { UpstreamCounts } from './upstream.js';

/** The events of a provider. The last two never come: it has one chain and no accounts. */
export interface ProviderEvents {
  /** At the next verified block. */
  connect: { readonly chainId: string };
  message: SubscriptionMessage;
  disconnect: Error;
  chainChanged: string;
  accountsChanged: readonly string[];
}

type Listener = (value: never) => void;
type Params = readonly unknown[];
type Handler = (params: Params) => unknown;

/** EIP-1193. */
export class Provider {
  /** What wallets that look for a name find. */
  readonly isPetrel = true;
  readonly #rpcs: LieDetector;
  readonly #methods: Readonly<Record<string, Handler>>;
  readonly #unverified: ReadonlySet<string>;
  readonly #source: ChainSource;
  readonly #listeners = new Map<string, Set<Listener>>();

  /** @internal */
  constructor(source: ChainSource, { proofs, unverified }: ChainRpcs) {
    this.#source = source;
    this.#unverified = new Set(unverified);
    this.#rpcs = new LieDetector(proofs, source.signal, (lie) => this.#lied(lie));
    this.#methods = methods(source, this.#rpcs, (message) => this.#emit('message', message));
    const connected = source.onHead(() => {
      connected();
      this.#emit('connect', { chainId: hex(source.id) });
    });
    source.signal.addEventListener('abort', () => this.#emit('disconnect', new Error('the node has ended')), { once: true });
  }

  /** The answer. Rejects with an `RpcError`, whose code is EIP-1193's or JSON-RPC's. */
  async request({ method, params = [] }: { readonly method: string; readonly params?: Params | object }): Promise<unknown> {
    const list = Array.isArray(params) ? (params as Params) : [params];
    const handler = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
    try {
      if (handler) return await handler(list);
      if (!this.#unverified.has(method)) throw refused(method);
      this.#source.emit({ event: 'unverified', method });
      return await this.#rpcs.unproven(method, list);
    } catch (thrown) {
      throw thrown instanceof PetrelError ? asRpcError(thrown) : thrown;
    }
  }

  /** Whether the answers of this method are proven. */
  isVerified(method: string): boolean {
    return Object.hasOwn(this.#methods, method);
  }

  /** Each RPC of `proofs`: answers, lies and failures since the start. */
  get rpcs(): readonly UpstreamCounts[] {
    return this.#rpcs.counts;
  }

  on<K extends keyof ProviderEvents>(event: K, listener: (value: ProviderEvents[K]) => void): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener as Listener));
    return this;
  }

  removeListener<K extends keyof ProviderEvents>(event: K, listener: (value: ProviderEvents[K]) => void): this {
    this.#listeners.get(event)?.delete(listener as Listener);
    return this;
  }

  #emit<K extends keyof ProviderEvents>(event: K, value: ProviderEvents[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      // What a listener throws is an uncaught exception, as that of an `EventTarget`; the others are called all the same.
      queueMicrotask(() => (listener as (value: ProviderEvents[K]) => void)(value));
    }
  }

  #lied(lie: Lie): void {
    this.#source.emit({ event: 'rpc_lied', ...lie });
  }
}

/** The methods that are answered, each with its check of parameters. */
function methods(source: ChainSource, rpcs: LieDetector, send: (message: SubscriptionMessage) => void): Record<string, Handler> {
  const window = new BlockWindow(source);
  const receipts = new ReceiptReader(source, rpcs, window);
  const fees = new FeeReader(window, receipts);
  return {
    eth_chainId: () => hex(source.id),
    net_version: () => String(source.id),
    eth_accounts: () => [],
    ...blockMethods(window),
    ...receiptMethods(window, receipts),
    ...stateMethods(window, new StateReader(source, rpcs)),
    ...subscriptionMethods(new Subscriptions(source, window, receipts, send)),
    eth_gasPrice: () => fees.gasPrice(),
    eth_maxPriorityFeePerGas: () => fees.maxPriorityFeePerGas(),
    eth_feeHistory: ([count, newest, percentiles]) => fees.history(count, newest, percentiles),
    eth_sendRawTransaction: ([raw]) => rpcs.send(source, bytes(raw, 'the transaction') as Hex),
  };
}

function blockMethods(window: BlockWindow): Record<string, Handler> {
  const form = (full: unknown): 'full' | 'hashes' => (flag(full, 'the second parameter') ? 'full' : 'hashes');
  const byHash = (hash: unknown) => ({ hash: bytes(hash, 'the block hash', 32) });
  const count = (block: RpcBlock | null): string | null => block && hex(block.transactions.length);
  const at = (block: RpcBlock | null, index: unknown): RpcTransaction | null =>
    (block?.transactions[Number(quantity(index, 'the index'))] as RpcTransaction | undefined) ?? null;
  return {
    eth_blockNumber: async () => (await window.head()).number,
    eth_getBlockByNumber: ([number, full]) => window.find(blockId(number), form(full)),
    eth_getBlockByHash: ([hash, full]) => window.find(byHash(hash), form(full)),
    eth_getBlockTransactionCountByNumber: async ([number]) => count(await window.find(blockId(number))),
    eth_getBlockTransactionCountByHash: async ([hash]) => count(await window.find(byHash(hash))),
    eth_getTransactionByBlockNumberAndIndex: async ([number, index]) => at(await window.find(blockId(number), 'full'), index),
    eth_getTransactionByBlockHashAndIndex: async ([hash, index]) => at(await window.find(byHash(hash), 'full'), index),
    eth_getTransactionByHash: ([hash]) => window.transaction(bytes(hash, 'the transaction hash', 32)),
  };
}

function receiptMethods(window: BlockWindow, receipts: ReceiptReader): Record<string, Handler> {
  return {
    eth_getTransactionReceipt: ([hash]) => receipts.ofTransaction(bytes(hash, 'the transaction hash', 32)),
    eth_getBlockReceipts: async ([block]) => {
      const found = await window.find(blockId(block));
      return found && receipts.ofBlock(found.hash);
    },
    eth_getLogs: ([filter]) => receipts.logs(logFilter(filter)),
  };
}

function stateMethods(window: BlockWindow, state: StateReader): Record<string, Handler> {
  const at = async (block: unknown): Promise<string> => (await window.need(blockId(block))).hash;
  return {
    eth_getBalance: async ([of, block]) => (await state.account(await at(block), address(of))).balance,
    eth_getTransactionCount: async ([of, block]) => (await state.account(await at(block), address(of))).nonce,
    eth_getCode: async ([of, block]) => state.code(await at(block), address(of)),
    eth_getStorageAt: async ([of, key, block]) => {
      const { storage } = await state.account(await at(block), address(of), [slot(key)]);
      return `0x${BigInt(storage[0]?.value ?? 0).toString(16).padStart(64, '0')}`;
    },
    eth_getProof: async ([of, keys, block]) => {
      if (!Array.isArray(keys)) throw invalid('the slots are no list');
      return state.proof(await at(block), address(of), keys.map(slot));
    },
  };
}

function subscriptionMethods(subscriptions: Subscriptions): Record<string, Handler> {
  return {
    eth_subscribe: ([kind, filter]) => subscriptions.subscribe(kind, filter),
    eth_unsubscribe: ([id]) => subscriptions.unsubscribe(id),
  };
}

function refused(method: string): Error {
  return unsupported(`the answer of ${method} cannot be proven: name it in the option \`unverified\` to have it passed through, as the RPC gives it`);
}
