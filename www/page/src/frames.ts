// Applies changes of the page in their order, at most once a frame: a chain may have many blocks a second.

/** Without a frame for this long the changes are applied: a hidden tab has no frames. Milliseconds. */
const HIDDEN = 200;
/** This many waiting changes are applied at once: timers of a background tab may wait for a minute. */
const MAX_WAITING = 1000;

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
    if (this.#changes.length >= MAX_WAITING) return this.flush();
    if (this.#changes.length > 1) return;
    this.#frame = requestAnimationFrame(this.#flush);
    this.#timer = setTimeout(this.#flush, HIDDEN);
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
