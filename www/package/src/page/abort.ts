// Waits that a signal ends, without a listener that stays.

/** The ends of one signal's waits. They share one listener: Node warns of a signal that has more than ten. */
class Ends {
  static readonly #bySignal = new WeakMap<AbortSignal, Ends>();
  readonly #signal: AbortSignal;
  readonly #ends = new Set<() => void>();
  readonly #abort = (): void => [...this.#ends].forEach((end) => end());

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  static of(signal: AbortSignal): Ends {
    const known = Ends.#bySignal.get(signal);
    if (known) return known;
    const made = new Ends(signal);
    Ends.#bySignal.set(signal, made);
    return made;
  }

  add(end: () => void): void {
    if (this.#ends.size === 0) this.#signal.addEventListener('abort', this.#abort);
    this.#ends.add(end);
  }

  remove(end: () => void): void {
    this.#ends.delete(end);
    if (this.#ends.size === 0) this.#signal.removeEventListener('abort', this.#abort);
  }
}

/** Calls `end` when the signal is aborted, unless the result is called before. */
export function onAbort(signal: AbortSignal, end: () => void): () => void {
  // One function may be given twice.
  const own = (): void => end();
  const ends = Ends.of(signal);
  ends.add(own);
  return () => ends.remove(own);
}

/** The result of `work`, unless one of the signals is aborted before: then it rejects with that signal's reason. */
export async function unlessAborted<T>(work: Promise<T>, ...signals: readonly (AbortSignal | undefined)[]): Promise<T> {
  // Nobody waits for it after an abort.
  work.catch(() => {});
  const given = signals.filter((signal) => signal !== undefined);
  for (const signal of given) signal.throwIfAborted();
  let removers: (() => void)[] = [];
  const aborted = new Promise<never>((_, reject) => {
    removers = given.map((signal) => onAbort(signal, () => reject(signal.reason)));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    for (const remove of removers) remove();
  }
}
