// A bounded buffer between the node, which does not wait, and a reader, which may be slow.

/**
 * An endless stream. It begins when it is created, ends when the follower stops, and throws when the follower fails.
 * A reader that is slower than the chain loses the oldest items; `missed` counts them.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #readers: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  readonly #limit: number;
  readonly #onEnd: (feed: Feed<T>) => void;
  readonly #onWait: (feed: Feed<T>, waits: boolean) => void;
  #ended = false;
  #error: { readonly thrown: unknown } | undefined;
  #missed = 0;

  /** `onWait` is called when a read begins to wait, and when none does any more. @internal */
  constructor(limit: number, onEnd: (feed: Feed<T>) => void = () => {}, onWait: (feed: Feed<T>, waits: boolean) => void = () => {}) {
    this.#limit = Math.max(1, Math.floor(limit) || 1);
    this.#onEnd = onEnd;
    this.#onWait = onWait;
  }

  /** How many items were dropped because they were not read in time. */
  get missed(): number {
    return this.#missed;
  }

  /** @internal */
  push(item: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader) {
      if (this.#readers.length === 0) this.#onWait(this, false);
      return reader.resolve({ value: item, done: false });
    }
    if (this.#items.length >= this.#limit) {
      this.#items.shift();
      this.#missed += 1;
    }
    this.#items.push(item);
  }

  /** Counts items that were dropped before they reached this stream. @internal */
  miss(count: number): void {
    if (!this.#ended) this.#missed += count;
  }

  /** Ends the stream: what is buffered can still be read. @internal */
  end(error?: { readonly thrown: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(this);
    this.#onWait(this, false);
    const readers = this.#readers.splice(0);
    if (error && readers.length > 0) readers.shift()?.reject(error.thrown);
    else this.#error = error;
    for (const reader of readers) reader.resolve({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ value: item, done: false });
    if (this.#error) {
      const { thrown } = this.#error;
      this.#error = undefined;
      return Promise.reject(thrown);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    if (this.#readers.length === 0) this.#onWait(this, true);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Ends the stream for its reader: `break` in a `for await` calls it. */
  return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
