// Transactions by gossip: whether one is in a signed block, without any RPC. The node keeps the latest blocks (its window) and is asked
// again when its chain has changed; nothing is held between two questions.

import { unlessAborted } from './abort.js';
import type { ChainSource } from './chain-source.js';
import type { BlockRef, Hex } from '../shared/events.js';

/** Where a transaction is. */
export interface Place {
  /** The block that has it. */
  readonly block: BlockRef;
  /** Its number in the block, from 0. */
  readonly index: number;
}

/** A transaction that is in the chain. */
export interface Inclusion extends Place {
  readonly hash: Hex;
  /** How many blocks were built on its block. */
  readonly confirmations: number;
  /** The sequencer has signed its block. */
  readonly state: 'signed';
}

/** `signed`: it is in a signed block. `reorged`: that block is no longer in the chain, and the transaction may come again. */
export interface Sighting extends Place {
  readonly state: 'signed' | 'reorged';
}

/** Waits until the transaction is in a block with so many blocks on it. Rejects when a signal is aborted, or the chain ends. */
export async function included(source: ChainSource, hash: Hex, confirmations: number, signal: AbortSignal | undefined): Promise<Inclusion> {
  const search = new Search(source, hash);
  for (;;) {
    const { moves } = source.position;
    const place = await unlessAborted(search.look(), signal, source.signal);
    // The node may know a block for a moment before its head event is here.
    const built = place ? Math.max(0, (source.position.head?.number ?? 0) - place.block.number) : 0;
    if (place && built >= confirmations) return { ...place, hash, confirmations: built, state: 'signed' };
    await moved(source, moves, signal);
  }
}

/** Where the transaction is from now on. It ends with the signal and with the chain, and throws when the chain fails. */
export async function* sightings(source: ChainSource, hash: Hex, signal: AbortSignal | undefined): AsyncGenerator<Sighting, void, void> {
  const search = new Search(source, hash);
  let last: Place | null = null;
  try {
    for (;;) {
      const { moves } = source.position;
      const place: Place | null = await unlessAborted(search.look(), signal, source.signal);
      const isSame: boolean = last?.block.hash === place?.block.hash;
      if (last && !isSame) yield { ...last, state: 'reorged' };
      if (place && !isSame) yield { ...place, state: 'signed' };
      last = place;
      await moved(source, moves, signal);
    }
  } catch (thrown) {
    const isStopped = source.signal.aborted && (source.signal.reason as { code?: unknown }).code === 'stopped';
    if (!signal?.aborted && !isStopped) throw thrown;
  }
}

/** Asks the node for a transaction. */
class Search {
  readonly #source: ChainSource;
  readonly #hash: Hex;
  #found: Place | null = null;
  /** The branch on which it was found. */
  #branch = -1;

  constructor(source: ChainSource, hash: Hex) {
    this.#source = source;
    this.#hash = hash;
  }

  /** Where it is in the chain; `null` when it is not. What was found is not asked for again until blocks were replaced. */
  async look(): Promise<Place | null> {
    const { position } = this.#source;
    while (!this.#found || this.#branch !== position.branch) {
      const { branch } = position;
      this.#found = await this.#ask();
      this.#branch = branch;
      if (!this.#found && position.branch === branch) return null;
    }
    return this.#found;
  }

  async #ask(): Promise<Place | null> {
    const json = await this.#source.call('transaction', this.#hash);
    if (json !== undefined) return placeOf(json);
    return this.#found && !(await this.#isReplaced(this.#found)) ? this.#found : null;
  }

  /** A block that is no longer in the window is in the chain as before. */
  async #isReplaced({ block }: Place): Promise<boolean> {
    const json = await this.#source.call('block', block.hash, 'hashes');
    return json !== undefined && !(JSON.parse(json) as { petrel: { canonical: boolean } }).petrel.canonical;
  }
}

/** Of a transaction as the node gives it. */
function placeOf(json: string): Place {
  const { blockHash, blockNumber, transactionIndex } = JSON.parse(json) as { blockHash: Hex; blockNumber: Hex; transactionIndex: Hex };
  return { block: { number: Number(blockNumber), hash: blockHash }, index: Number(transactionIndex) };
}

/** Waits until the chain has changed since `moves`. Rejects when a signal is aborted, or the chain ends. */
async function moved(source: ChainSource, moves: number, signal: AbortSignal | undefined): Promise<void> {
  if (source.position.moves !== moves) return;
  const remove: (() => void)[] = [];
  const change = new Promise<void>((resolve) => remove.push(source.onHead(() => resolve()), source.onReorg(() => resolve())));
  try {
    await unlessAborted(change, signal, source.signal);
  } finally {
    for (const each of remove) each();
  }
}
