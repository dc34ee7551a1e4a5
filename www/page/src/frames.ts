// What the page changes, in the order in which it came, at most once a frame: a chain may have many blocks a second.

/** A tab that is not seen has no frames. Milliseconds. */
const UNSEEN = 200;
/** So many changes are made at once without a frame: a tab in the background may wait for a minute. */
const MOST = 1000;

export class Frames {
  readonly #drawn: () => void;
  #changes: (() => void)[] = [];
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #flush = () => this.flush();

  /** `drawn` is called after the changes of each frame. */
  constructor(drawn: () => void) {
    this.#drawn = drawn;
  }

  push(change: () => void): void {
    this.#changes.push(change);
    if (this.#changes.length >= MOST) return this.flush();
    if (this.#changes.length > 1) return;
    this.#frame = requestAnimationFrame(this.#flush);
    this.#timer = setTimeout(this.#flush, UNSEEN);
  }

  flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) change();
    this.#drawn();
  }
}
