// What a follower keeps over a reload: the latest links of its chain. With them it goes on where it was, and closes the gap.

/** A block of the chain, without its contents. */
export interface KeptBlock {
  readonly number: number;
  readonly hash: string;
  readonly parent: string;
  /** Unix seconds. */
  readonly timestamp: number;
}

/** Where links are kept. One that fails costs the memory of the last run, never the follower. */
export interface Store {
  /** What was saved last under this key, rising, the head last; empty when there is nothing. */
  load(key: string): Promise<readonly KeptBlock[]>;
  /** Replaces it. */
  save(key: string, links: readonly KeptBlock[]): Promise<void>;
  /** The relays that were saved last under this key: multiaddrs. */
  loadRelays?(key: string): Promise<readonly string[]>;
  /** Replaces them. */
  saveRelays?(key: string, relays: readonly string[]): Promise<void>;
}

/** Links that are kept of a chain. */
const LINKS = 64;
/** Milliseconds that a store may take for what it has: the follower does not wait for one that hangs. */
const PATIENCE = 2_000;
const DATABASE = 'petrel';
const TABLE = 'chains';
/** Behind a chain's key: the key of its relays. */
const OF_RELAYS = ' relays';

/** This origin's IndexedDB; `null` where there is none. */
export function indexedDbStore(): Store | null {
  if (typeof indexedDB === 'undefined') return null;
  const load = async (key: string): Promise<unknown> => (await transact('readonly', (table) => table.get(key))) ?? [];
  const save = async (key: string, value: unknown): Promise<void> => {
    await transact('readwrite', (table) => table.put(value, key));
  };
  return {
    load: async (key) => (await load(key)) as KeptBlock[],
    save: (key, links) => save(key, [...links]),
    loadRelays: async (key) => (await load(`${key}${OF_RELAYS}`)) as string[],
    saveRelays: (key, relays) => save(`${key}${OF_RELAYS}`, [...relays]),
  };
}

async function transact(mode: IDBTransactionMode, act: (table: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await answer(opened());
  try {
    return await answer(act(database.transaction(TABLE, mode).objectStore(TABLE)));
  } finally {
    database.close();
  }
}

function opened(): IDBOpenDBRequest {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return request;
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** One chain's links in a store: saved as they come, one save at a time. */
export class Memory {
  readonly #store: Store;
  readonly #key: string;
  #links: KeptBlock[] = [];
  #saving = false;
  #dirty = false;

  constructor(store: Store, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** What an earlier run kept. */
  async load(): Promise<readonly KeptBlock[]> {
    this.#links = [...(await had(() => this.#store.load(this.#key)))];
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
    this.#links = [...this.#links.filter((kept) => kept.number < link.number), link].slice(-LINKS);
    this.#dirty = true;
    if (!this.#saving) void this.#save();
  }

  async #save(): Promise<void> {
    this.#saving = true;
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#store.save(this.#key, this.#links);
      } catch {
        // Full, or forbidden: the next block is another chance.
      }
    }
    this.#saving = false;
  }
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
