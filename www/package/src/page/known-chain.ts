// What a page knows of its chain, so that another node can go on where one ended: the latest blocks, without their contents, and
// which events it has had.

import type { FollowerEvent, Head } from '../shared/events.js';
import type { KeptBlock, KnownBlock } from '../shared/protocol.js';

/** Blocks of this many milliseconds are kept: the longest gap that is closed after a reload. */
const SPAN = 240_000;
/** The least and the greatest number of blocks that are kept; the greatest is `SPAN` at 20 blocks a second. */
const MIN_BLOCKS = 64;
export const MAX_BLOCKS = 4800;
/** Hashes of so many blocks that were told are remembered: a node that takes another's place is seldom further behind. */
const MAX_TOLD = 256;

export class KnownChain {
  #blocks: readonly KeptBlock[] = [];
  /** Hashes of the latest `head` events, and of the latest `block` events. */
  readonly #told = { head: new Set<string>(), block: new Set<string>() };
  /** Whether another node has taken the place of the one that told them. */
  #isResumed = false;

  /** In rising order. */
  get blocks(): readonly KeptBlock[] {
    return this.#blocks;
  }

  get newest(): KnownBlock | null {
    const block = this.#blocks.at(-1);
    return block ? { number: block.number, hash: block.hash } : null;
  }

  /** The blocks of an earlier run, in rising order. */
  restore(blocks: readonly KeptBlock[]): void {
    this.#blocks = blocks;
  }

  /** Adds the new head, and removes the blocks that it replaces. */
  add(block: KeptBlock): void {
    if (block.hash === this.#blocks.at(-1)?.hash) return;
    this.#blocks = latest([...this.#blocks.filter((kept) => kept.number < block.number), block]);
  }

  /** From now on events are of another node, which may be behind the one before. */
  resume(): void {
    this.#isResumed = true;
  }

  /** Whether the node before has told this event. Else it is remembered. */
  isRepeated(event: FollowerEvent): boolean {
    if (event.event !== 'head' && event.event !== 'block') return false;
    const told = this.#told[event.event];
    if (this.#isResumed && event.event === 'head' && event.why === 'reorged') this.#forget();
    if (this.#isResumed && told.has(event.hash)) return true;
    told.add(event.hash);
    for (const oldest of told) if (told.size > MAX_TOLD) told.delete(oldest);
    if (event.event === 'head') this.add(keptOf(event));
    return false;
  }

  /** After a reorg a block may be the head again. */
  #forget(): void {
    this.#told.head.clear();
    this.#told.block.clear();
  }
}

function keptOf({ number, hash, parent, timestamp, timestampMs }: Head): KeptBlock {
  return { number, hash, parent, timestamp, timestamp_ms: timestampMs };
}

/** Those of these blocks that are kept; both in rising order. */
function latest(blocks: KeptBlock[]): KeptBlock[] {
  const since = (blocks.at(-1)?.timestamp_ms ?? 0) - SPAN;
  const ofSpan = blocks.filter(({ timestamp_ms }) => timestamp_ms >= since).length;
  return blocks.slice(-Math.min(Math.max(ofSpan, MIN_BLOCKS), MAX_BLOCKS));
}
