// One chain of a `createPetrel`: its verified blocks, and its transactions by gossip.

import { unlessAborted } from './abort.js';
import {
  checkBlock,
  checkSend,
  checkTransaction,
  checkWait,
  rawTransaction,
  transactionHash,
  whichBlock,
  type BlockOptions,
  type SendOptions,
  type TransactionOptions,
  type WaitOptions,
} from './chain-requests.js';
import { evidenceOf } from './evidence.js';
import { PetrelError } from '../shared/errors.js';
import type { Block, FollowerEvent, Head, Hex } from '../shared/events.js';
import type { Feed } from './feed.js';
import { fullBlock, type FullBlock, type TransactionForm } from './full-block.js';
import type { Heard } from './listeners.js';
import type { Node } from './node.js';
import type { StreamOptions } from './options.js';
import { Provider } from './provider/provider.js';
import type { ChainRpcs } from './rpc.js';
import { sendRaw } from './send.js';
import type { Status } from '../shared/status.js';
import { included, sightings, type Inclusion, type Sighting } from './transactions.js';

export type { ChainSource } from './chain-source.js';

/** A chain that is followed. After its end what is asked rejects: with the code `stopped`, or with the error with which it failed. */
export class Chain {
  readonly #node: Node;
  readonly #rpcs: ChainRpcs;
  #provider: Provider | undefined;
  readonly id: number;
  readonly name: string;

  /** @internal */
  constructor(node: Node, rpcs: ChainRpcs) {
    this.#node = node;
    this.#rpcs = rpcs;
    [this.id, this.name] = [node.id, node.name];
  }

  /** The newest verified block; `null` before the first. */
  get head(): Head | null {
    return this.#node.position.head;
  }

  /** EIP-1193: answers that are proven by verified blocks, with the RPCs of `proofs` where a block alone does not have them. */
  get provider(): Provider {
    this.#provider ??= new Provider(this.#node, this.#rpcs);
    return this.#provider;
  }

  /**
   * Evidence that the signer signed two blocks of this height, as JSON for `judgeEvidence` and `petrel check`; `null` when two are not
   * among the last signed blocks that are kept.
   */
  async evidence(number: number | bigint): Promise<string | null> {
    return evidenceOf(this.#node, number);
  }

  /**
   * Calls `listener` with each new head, block, reorg or event, until the result is called, the signal is aborted, or the chain ends.
   *
   * @throws {PetrelError} `bad_request`: there is no such kind.
   */
  on<K extends keyof Heard>(kind: K, listener: (heard: Heard[K]) => void, options: WaitOptions = {}): () => void {
    checkWait(options);
    return this.#node.on(kind, listener, options.signal);
  }

  /** Verified blocks from now on, in the order in which they came. Several readers get each their own. */
  blocks(options?: StreamOptions): Feed<Block> {
    return this.#node.blocks(options);
  }

  /** All events from now on. */
  events(options?: StreamOptions): Feed<FollowerEvent> {
    return this.#node.events(options);
  }

  /** The next block that is verified. */
  async nextBlock(options: WaitOptions = {}): Promise<Block> {
    checkWait(options);
    let remove = (): void => {};
    const next = new Promise<Block>((resolve) => (remove = this.#node.on('block', resolve)));
    try {
      return await unlessAborted(next, options.signal, this.#node.signal);
    } finally {
      remove();
    }
  }

  /** A block of the window, by number of the chain, or by its hash; `null` when the window does not have it. */
  async block<F extends TransactionForm = 'hashes'>(
    which: 'latest' | number | bigint | Hex,
    options: BlockOptions<F> = {},
  ): Promise<FullBlock<F> | null> {
    checkBlock(options);
    const form = options.transactions ?? ('hashes' as F);
    const json = await this.#node.call('block', whichBlock(which), form);
    return json === undefined ? null : fullBlock(json, form);
  }

  /**
   * Resolves when the transaction is in a signed block, with so many blocks on it: by gossip alone. When its block is replaced
   * before, the wait goes on. It finds transactions of the window, and later ones; for others it waits until its signal is aborted.
   */
  async waitForTransaction(hash: Hex, options: TransactionOptions = {}): Promise<Inclusion> {
    checkTransaction(options);
    return included(this.#node, transactionHash(hash), options.confirmations ?? 0, options.signal);
  }

  /** Says each time when the transaction is in a signed block, and when that block is no longer in the chain. */
  watchTransaction(hash: Hex, options: WaitOptions = {}): AsyncGenerator<Sighting, void, void> {
    checkWait(options);
    return sightings(this.#node, transactionHash(hash), options.signal);
  }

  /**
   * Sends a signed transaction to the first of `proofs`, or to `rpc`, and resolves as `waitForTransaction` does. Rejects with `no_rpc`,
   * `rpc_failed`, `rpc_error` or `rpc_wrong` when it could not be sent.
   */
  async sendRawTransaction(raw: Hex, options: SendOptions = {}): Promise<Inclusion> {
    checkSend(options);
    const { rpc = this.#rpcs.proofs[0], confirmations = 0, signal } = options;
    const bytes = rawTransaction(raw);
    if (rpc === undefined) throw noRpc(this.name);
    const hash = await unlessAborted(sendRaw(this.#node, bytes, rpc, signal), signal, this.#node.signal);
    return included(this.#node, hash, confirmations, signal);
  }

  /** The present state, and why it is not live. Works after the end too; rejects when the chain fails meanwhile. */
  status(): Promise<Status> {
    return this.#node.status();
  }

  /** Closes the connections of this chain. May be called again. */
  stop(): Promise<void> {
    return this.#node.stop();
  }
}

function noRpc(chain: string): PetrelError {
  const message = `no RPC server of ${chain} is given`;
  return new PetrelError({ code: 'no_rpc', message, remedy: 'give proofs to createPetrel, or the option rpc' });
}
