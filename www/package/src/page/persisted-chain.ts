// The latest blocks of one chain, without their contents, in a store: collected for a moment and saved together.

import type { KeptBlock } from '../shared/protocol.js';
import type { Store } from './store.js';

/** Blocks of this many milliseconds are kept: the longest gap that is closed after a reload. */
const SPAN = 240_000;
/** The least and the greatest number of blocks that are kept; the greatest is `SPAN` at 20 blocks a second. */
const MIN_BLOCKS = 64;
const MAX_BLOCKS = 4800;
/** Milliseconds for which blocks are collected before they are saved. */
const SAVE_DELAY = 250;
/** Milliseconds that a store may take to load: the follower does not wait for one that hangs. */
const LOAD_TIMEOUT = 2_000;

/** One save runs at a time, except the last one of a page that is closed. */
export class PersistedChain {
  readonly #store: Store;
  readonly #key: string;
  #blocks: KeptBlock[] = [];
  /** The lowest number that is not saved. */
  #unsaved: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving = false;
  readonly #hide = () => void this.#write();

  constructor(store: Store, key: string) {
    this.#store = store;
    this.#key = key;
    // Node has no page and no such event.
    if (typeof addEventListener === 'function') addEventListener('pagehide', this.#hide);
  }

  /** What an earlier run saved. */
  async load(): Promise<readonly KeptBlock[]> {
    this.#blocks = (await loaded(() => this.#store.load(this.#key))).slice(-MAX_BLOCKS);
    return this.#blocks;
  }

  /** The relays that an earlier run knew. */
  loadRelays(): Promise<readonly string[]> {
    return loaded(async () => (await this.#store.loadRelays?.(this.#key)) ?? []);
  }

  /** Saves the present addresses of relays. They change rarely. */
  saveRelays(relays: readonly string[]): void {
    void this.#store.saveRelays?.(this.#key, relays).catch(() => {
      // The next change tries again.
    });
  }

  /** Adds the new head, and removes the blocks that it replaces. */
  add(block: KeptBlock): void {
    this.#blocks = latest([...this.#blocks.filter((kept) => kept.number < block.number), block]);
    this.#unsaved = Math.min(block.number, this.#unsaved ?? block.number);
    this.#timer ??= setTimeout(() => void this.#save(), SAVE_DELAY);
  }

  /** Saves what is not saved yet. */
  end(): void {
    if (typeof removeEventListener === 'function') removeEventListener('pagehide', this.#hide);
    clearTimeout(this.#timer);
    void this.#write();
  }

  async #save(): Promise<void> {
    this.#timer = undefined;
    if (this.#saving) {
      this.#timer = setTimeout(() => void this.#save(), SAVE_DELAY);
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
    const blocks = this.#blocks;
    try {
      await this.#store.save(this.#key, blocks, blocks.filter(({ number }) => number >= from));
    } catch {
      // The store is full, or forbidden: the next block tries again.
      this.#unsaved = Math.min(from, this.#unsaved ?? from);
    }
  }
}

/** Those of these blocks that are kept; both in rising order. */
function latest(blocks: KeptBlock[]): KeptBlock[] {
  const since = (blocks.at(-1)?.timestamp_ms ?? 0) - SPAN;
  const ofSpan = blocks.filter(({ timestamp_ms }) => timestamp_ms >= since).length;
  return blocks.slice(-Math.min(Math.max(ofSpan, MIN_BLOCKS), MAX_BLOCKS));
}

/** The list that a store loads; empty when it fails, takes longer than `LOAD_TIMEOUT`, or returns no list. */
async function loaded<T>(load: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<readonly T[]>((resolve) => (timer = setTimeout(() => resolve([]), LOAD_TIMEOUT)));
    const list = await Promise.race([load(), late]);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}
