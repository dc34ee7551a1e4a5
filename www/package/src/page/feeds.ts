// The streams of one kind of a follower. A stream that nobody refers to any more is forgotten, so that a caller who takes a new one
// for each item leaks none.

import { onAbort } from './abort.js';
import { Feed } from './feed.js';

/** Removes the listener of a stream that was collected from the signal that it was given. */
const collected = new FinalizationRegistry<() => void>((forget) => forget());

export class Feeds<T> {
  readonly #feeds = new Set<WeakRef<Feed<T>>>();
  /** Those with a read that waits: its reader may refer to nothing but the promise. */
  readonly #waiting = new Set<Feed<T>>();

  /** A stream of items from now on. `signal` ends it. */
  open(limit: number, signal: AbortSignal | undefined): Feed<T> {
    // No closure in this function may refer to the stream: its signal, which lives longer, would keep it.
    const entry: { ref?: WeakRef<Feed<T>>; remove?: () => void } = {};
    const abort = (): void => entry.ref?.deref()?.end();
    const forget = (): void => {
      entry.remove?.();
      if (entry.ref) this.#feeds.delete(entry.ref);
    };
    const feed = made(limit, forget, this.#waiting);
    entry.ref = new WeakRef(feed);
    this.#feeds.add(entry.ref);
    collected.register(feed, forget);
    if (signal?.aborted) feed.end();
    else if (signal) entry.remove = onAbort(signal, abort);
    return feed;
  }

  /** How many there are; those that were collected are not counted. */
  get size(): number {
    return [...this.#feeds].filter((ref) => ref.deref()).length;
  }

  /** Calls `action` with each of them. */
  each(action: (feed: Feed<T>) => void): void {
    for (const ref of [...this.#feeds]) {
      const feed = ref.deref();
      if (feed) action(feed);
    }
  }
}

function made<T>(limit: number, onEnd: () => void, waiting: Set<Feed<T>>): Feed<T> {
  return new Feed<T>(limit, onEnd, (feed, waits) => {
    if (waits) waiting.add(feed);
    else waiting.delete(feed);
  });
}
