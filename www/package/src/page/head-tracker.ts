// The newest block of the verified chain, and how often it has changed.

import type { FollowerEvent, Head } from '../shared/events.js';

/** Where the head is. */
export interface Position {
  /** `null` before the first. */
  readonly head: Head | null;
  /** Grows with each `head` and each `reorg`: what was read of the chain before may have changed. */
  readonly moves: number;
  /** Grows when the head is not built on the one before, or blocks are replaced: a block that was in the chain may no longer be. */
  readonly branch: number;
}

export class HeadTracker implements Position {
  head: Head | null = null;
  moves = 0;
  branch = 0;

  track(event: FollowerEvent): void {
    if (event.event !== 'head' && event.event !== 'reorg') return;
    this.moves += 1;
    if (event.event === 'reorg' || event.why !== 'extended') this.branch += 1;
    if (event.event === 'head') {
      const { event: _, ...head } = event;
      this.head = head;
    }
  }
}
