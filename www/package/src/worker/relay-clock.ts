// Whether relays agree on the time. A tab that takes the wrong time from relays shows old blocks as new, or refuses new ones, so a
// minority is never believed, and no relay for more than `MAX_CORRECTION`.

/** Relays agree when their clocks differ by at most so many milliseconds. */
export const CLOCK_TOLERANCE = 2_000;
/** An offset below this many milliseconds is not corrected. */
export const MIN_CORRECTION = 1_000;
/**
 * An offset above this many milliseconds is only reported: an hour, which is what a missed change to summer time makes, and five
 * minutes. Relays that lie together cannot make blocks seem newer or older by more.
 */
export const MAX_CORRECTION = 65 * 60_000;

/** By how many milliseconds the clock of a relay is ahead of this device's. */
export interface ClockReading {
  readonly peer: string;
  readonly offset: number;
}

/** Relays that agree. */
export interface Agreement {
  /** The median of their clocks' offsets, milliseconds. */
  readonly offset: number;
  /** How many agree. */
  readonly relays: number;
  /** Of how many, with those that have not answered yet. */
  readonly of: number;
}

/**
 * The largest group of relays that agree, if it has at least two and is more than half of all; `pending` is how many have not answered
 * yet. `readings` has one of each relay.
 */
export function agreement(readings: readonly ClockReading[], pending: number): Agreement | null {
  const offsets = readings.map(({ offset }) => offset).sort((one, other) => one - other);
  const groups = offsets.map((lowest, at) => offsets.slice(at).filter((offset) => offset - lowest <= CLOCK_TOLERANCE));
  const largest = groups.reduce((best, group) => (group.length > best.length ? group : best), []);
  const of = readings.length + pending;
  if (largest.length < 2 || largest.length * 2 <= of) return null;
  return { offset: median(largest) ?? 0, relays: largest.length, of };
}

/** The middle one of these numbers, which are in rising order; of two the higher one. */
export function median(sorted: readonly number[]): number | undefined {
  return sorted[Math.floor(sorted.length / 2)];
}
