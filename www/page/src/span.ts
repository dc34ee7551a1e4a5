// How many blocks the page shows: those of a minute, within bounds.

/** Milliseconds. */
const SPAN = 60_000;

export function blocks(intervalMs: number, least: number, most: number): number {
  return Math.min(Math.max(Math.ceil(SPAN / intervalMs), least), most);
}
