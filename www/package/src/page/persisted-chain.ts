// The latest blocks of one chain, without their contents, in a store: collected for a moment and saved together.

import type { KeptBlock } from '../shared/protocol.js';
import { MAX_BLOCKS, type KnownChain } from './known-chain.js';
import type { Store } from './store.js';

/** Milliseconds for which blocks are collected before they are saved. */
const SAVE_DELAY = 250;
/** Milliseconds that a store may take to load: the follower does not wait for one that hangs. */
const LOAD_TIMEOUT = 2_000;
/** Milliseconds before a failed save is repeated: the first, doubled after each failure up to the second. */
const RETRY = [SAVE_DELAY, 60_000] as const;

/**
 * One save runs at a time, except the last one of a page that is closed: a store that hangs gets no second one. Whatever the store does,
 * no method throws.
 */
export class PersistedChain {
  readonly #store: Store;
  readonly #key: string;
  readonly #chain: KnownChain;
  readonly #keepsRelays: boolean;
  /** The number of the newest block that was loaded or is to be saved. */
  #newest: number | undefined;
  /** The lowest number that is not saved. */
  #unsaved: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving = false;
  /** The lowest number of the save that runs. */
  #savingFrom: number | undefined;
  /** Saves that failed since the last that did not. */
  #failures = 0;
  #ended = false;
  readonly #hide = () => void this.#write(true);

  /** Relays are neither loaded nor saved unless `keepsRelays` is true. */
  constructor(store: Store, key: string, chain: KnownChain, keepsRelays = true) {
    this.#store = store;
    this.#key = key;
    this.#chain = chain;
    this.#keepsRelays = keepsRelays;
    // Node has no page and no such event.
    if (typeof addEventListener === 'function') addEventListener('pagehide', this.#hide);
  }

  /** What an earlier run saved. */
  async load(): Promise<void> {
    this.#chain.restore((await loaded(() => this.#store.load(this.#key))).slice(-MAX_BLOCKS).filter(isKeptBlock));
    this.#newest = this.#chain.newest?.number;
  }

  /** The relays that an earlier run knew. */
  loadRelays(): Promise<readonly string[]> {
    return loaded(async () => (this.#keepsRelays ? ((await this.#store.loadRelays?.(this.#key)) ?? []) : []));
  }

  /** Saves the present addresses of relays. They change rarely. */
  saveRelays(relays: readonly string[]): void {
    if (!this.#keepsRelays) return;
    const save = async (): Promise<void> => this.#store.saveRelays?.(this.#key, relays);
    save().catch(() => {
      // The next change tries again.
    });
  }

  /** The new head is to be saved. */
  add(block: KeptBlock): void {
    this.#chain.add(block);
    // Another tab may have had the blocks between, and ended before they were saved.
    const next = this.#newest === undefined ? (this.#chain.blocks[0]?.number ?? block.number) : this.#newest + 1;
    this.#newest = block.number;
    this.#unsaved = Math.min(block.number, next, this.#unsaved ?? block.number);
    if (!this.#saving) this.#saveAfter(SAVE_DELAY);
  }

  /** Saves what is not saved yet. */
  end(): void {
    if (typeof removeEventListener === 'function') removeEventListener('pagehide', this.#hide);
    clearTimeout(this.#timer);
    this.#ended = true;
    void this.#write();
  }

  #saveAfter(ms: number): void {
    this.#timer ??= setTimeout(() => void this.#save(), ms);
  }

  async #save(): Promise<void> {
    this.#timer = undefined;
    this.#saving = true;
    const saved = await this.#write();
    this.#saving = false;
    this.#failures = saved ? 0 : this.#failures + 1;
    if (this.#unsaved === undefined || this.#ended) return;
    this.#saveAfter(saved ? SAVE_DELAY : Math.min(RETRY[0] * 2 ** (this.#failures - 1), RETRY[1]));
  }

  /** Whether there is nothing left to save. `closes`: the page may end before the next event. */
  async #write(closes = false): Promise<boolean> {
    // A save that runs while the page is being closed may not end.
    const numbers = [this.#unsaved, closes ? this.#savingFrom : undefined].filter((number) => number !== undefined);
    if (numbers.length === 0) return true;
    const [from, blocks] = [Math.min(...numbers), this.#chain.blocks];
    [this.#unsaved, this.#savingFrom] = [undefined, from];
    try {
      await this.#store.save(this.#key, blocks, blocks.filter(({ number }) => number >= from), closes);
      return true;
    } catch {
      // The store is full, or forbidden.
      this.#unsaved = Math.min(from, this.#unsaved ?? from);
      return false;
    } finally {
      this.#savingFrom = undefined;
    }
  }
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

/** Whether this package saved it: other entries are from an earlier version, or from a store that returns something else. */
function isKeptBlock(entry: unknown): entry is KeptBlock {
  const { number, hash, parent, timestamp, timestamp_ms } = (entry ?? {}) as Partial<KeptBlock>;
  const areNumbers = [number, timestamp, timestamp_ms].every((value) => Number.isSafeInteger(value));
  return areNumbers && typeof hash === 'string' && typeof parent === 'string';
}
