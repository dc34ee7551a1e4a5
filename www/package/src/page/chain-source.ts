// What the parts of a chain's handle need of the node that follows it.

import type { FollowerEvent, Head, Reorg } from '../shared/events.js';
import type { Position } from './head-tracker.js';

export interface ChainSource {
  /** The chain id. */
  readonly id: number;
  /** Where the head is now. */
  readonly position: Position;
  /**
   * Calls a method of the node (`METHODS` of `shared/protocol.ts`). Rejects with a `PetrelError`: the node's own, or why the chain ended.
   */
  call(method: string, ...args: string[]): Promise<string | undefined>;
  /** Calls `listener` with each new head until the result is called, or the chain ends. */
  onHead(listener: (head: Head) => void): () => void;
  /** The same with each reorg. */
  onReorg(listener: (reorg: Reorg) => void): () => void;
  /** Aborted when the chain ends; its reason is a `PetrelError`. */
  readonly signal: AbortSignal;
  /** Gives an event of the package to the streams, the listeners and the logger. */
  emit(event: FollowerEvent): void;
}
