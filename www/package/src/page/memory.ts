// One chain's links in a store: collected for a moment, saved together.

import type { KeptBlock } from '../shared/protocol.js';
import type { Store } from './store.js';

/** The links of so many milliseconds are kept: the longest gap that is closed after a reload. */
const SPAN = 240_000;
/** At least so many links, where blocks are seldom, and at most so many: those of `SPAN` at 20 blocks a second. */
const LEAST = 64;
const MOST = 4800;
/** Milliseconds for which links are collected. */
const BATCH = 250;
/** Milliseconds that a store may take for what it has: the follower does not wait for one that hangs. */
const PATIENCE = 2_000;

/** Saves one after the other, but for the last one of a page that goes away. */
export class Memory {
  readonly #store: Store;
  readonly #key: string;
  #links: KeptBlock[] = [];
  /** The lowest number that is not saved. */
  #unsaved: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving = false;
  readonly #hide = () => void this.#write();

  constructor(store: Store, key: string) {
    this.#store = store;
    this.#key = key;
    // Not where there is no page.
    if (typeof addEventListener === 'function') addEventListener('pagehide', this.#hide);
  }

  /** What an earlier run kept. */
  async load(): Promise<readonly KeptBlock[]> {
    this.#links = (await had(() => this.#store.load(this.#key))).slice(-MOST);
    return this.#links;
  }

  /** The relays that an earlier run knew. */
  loadRelays(): Promise<readonly string[]> {
    return had(async () => (await this.#store.loadRelays?.(this.#key)) ?? []);
  }

  /** Where relays are now. They change seldom. */
  keepRelays(relays: readonly string[]): void {
    void this.#store.saveRelays?.(this.#key, relays).catch(() => {
      // The next change is another chance.
    });
  }

  /** The head moved here. */
  keep(link: KeptBlock): void {
    this.#links = latest([...this.#links.filter((kept) => kept.number < link.number), link]);
    this.#unsaved = Math.min(link.number, this.#unsaved ?? link.number);
    this.#timer ??= setTimeout(() => void this.#save(), BATCH);
  }

  /** Saves what is left, and listens no more. */
  end(): void {
    if (typeof removeEventListener === 'function') removeEventListener('pagehide', this.#hide);
    clearTimeout(this.#timer);
    void this.#write();
  }

  async #save(): Promise<void> {
    this.#timer = undefined;
    if (this.#saving) {
      this.#timer = setTimeout(() => void this.#save(), BATCH);
      return;
    }
    this.#saving = true;
    await this.#write();
    this.#saving = false;
  }

  async #write(): Promise<void> {
    const from = this.#unsaved;
    if (from === undefined) return;
    this.#unsaved = undefined;
    const links = this.#links;
    try {
      await this.#store.save(this.#key, links, links.filter(({ number }) => number >= from));
    } catch {
      // Full, or forbidden: the next block is another chance.
      this.#unsaved = Math.min(from, this.#unsaved ?? from);
    }
  }
}

/** Those that are kept of these, which rise. */
function latest(links: KeptBlock[]): KeptBlock[] {
  const since = (links.at(-1)?.timestamp_ms ?? 0) - SPAN;
  const ofSpan = links.filter(({ timestamp_ms }) => timestamp_ms >= since).length;
  return links.slice(-Math.min(Math.max(ofSpan, LEAST), MOST));
}

/** What a store has; nothing when it fails, hangs, or gives something else than a list. */
async function had<T>(load: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<readonly T[]>((resolve) => (timer = setTimeout(() => resolve([]), PATIENCE)));
    const list = await Promise.race([load(), late]);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}
