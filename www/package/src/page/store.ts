// Where a follower saves the latest blocks of its chain, so that they outlive a reload: this origin's IndexedDB, or the store that
// is given.

import type { KeptBlock } from '../shared/protocol.js';

/** Saves blocks, without their contents, and relays. When it fails the follower starts without saved blocks. */
export interface Store {
  /** The blocks that were saved last under this key, in rising order, the head last; empty when there are none. */
  load(key: string): Promise<readonly KeptBlock[]>;
  /**
   * Replaces them. `added` is the end of `links`: the blocks that were not in the last save that succeeded. From the first of them
   * on the chain may have changed: a store that has a record for each block deletes from there on and writes these alone. When
   * `closes` is true the page is being closed: what is not written before the next event may be lost.
   */
  save(key: string, links: readonly KeptBlock[], added: readonly KeptBlock[], closes?: boolean): Promise<void>;
  /** The relays that were saved last under this key: multiaddrs. */
  loadRelays?(key: string): Promise<readonly string[]>;
  /** Replaces them. */
  saveRelays?(key: string, relays: readonly string[]): Promise<void>;
}

const DATABASE = 'petrel';
/** Version 1 had one list of blocks for each chain, under the chain's name. */
const VERSION = 2;
/** Its tables: blocks by chain and number, relays by chain, and the time at which each chain was last loaded. */
const [LINKS, RELAYS, USED] = ['links', 'relays', 'used'] as const;
/** How many chains are kept; the one that was loaded longest ago is deleted first. */
const MAX_CHAINS = 8;

/**
 * This origin's IndexedDB; `null` where there is none, or where this page may not use it. Other tabs may follow the same chain: a save
 * replaces what another tab has saved only by a chain that goes as far.
 */
export function indexedDbStore(): Store | null {
  if (!hasIndexedDb()) return null;
  const database = new Database();
  /** The last block in the table by chain, as this tab knows it: another one is of another tab. */
  const heads = new Map<string, string | undefined>();
  return {
    load: async (key) => {
      const transaction = await database.begin([LINKS], 'readonly');
      const links = await result<KeptBlock[]>(transaction.objectStore(LINKS).getAll(linksOf(key)));
      heads.set(key, links.at(-1)?.hash);
      // Where nothing can be written, what was saved can still be read.
      evictChains(database, key).catch(() => {});
      return links;
    },
    save: async (key, links, added, closes = false) => {
      const head = links.at(-1);
      if (!head) return;
      const transaction = await database.begin([LINKS]);
      const table = transaction.objectStore(LINKS);
      if (closes && heads.get(key) !== undefined) {
        // There is no time to look. Another tab that saves too writes all of its chain again.
        replace(table, key, links, added);
        return ended(transaction);
      }
      const found = await lastOf(table, key);
      const isOwn = found !== undefined && found.hash === heads.get(key);
      const isAhead = found !== undefined && !isOwn && found.number > head.number;
      if (!isAhead && found?.hash !== head.hash) replace(table, key, links, isOwn ? added : links);
      await ended(transaction);
      heads.set(key, isAhead ? undefined : head.hash);
    },
    loadRelays: async (key) => {
      const transaction = await database.begin([RELAYS], 'readonly');
      return (await result<string[] | undefined>(transaction.objectStore(RELAYS).get(key))) ?? [];
    },
    saveRelays: async (key, relays) => {
      const transaction = await database.begin([RELAYS]);
      transaction.objectStore(RELAYS).put([...relays], key);
      await ended(transaction);
    },
  };
}

/** The connection, opened once: a page that is being closed writes without waiting for it. */
class Database {
  #opened: Promise<IDBDatabase> | undefined;

  async begin(tables: string[], mode: IDBTransactionMode = 'readwrite'): Promise<IDBTransaction> {
    this.#opened ??= opened(() => (this.#opened = undefined));
    const database = await this.#opened;
    return database.transaction(tables, mode);
  }
}

/** `closed` is called when the database cannot be opened, and when its connection ends. */
async function opened(closed: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    const database = request.result;
    for (const table of [...database.objectStoreNames]) database.deleteObjectStore(table);
    for (const table of [LINKS, RELAYS, USED]) database.createObjectStore(table);
  };
  try {
    const database = await result(request);
    database.onclose = closed;
    // Another version of this package opens it, or it is deleted.
    database.onversionchange = () => {
      database.close();
      closed();
    };
    return database;
  } catch (thrown) {
    closed();
    throw thrown;
  }
}

/** Stores the time at which this chain is loaded, and deletes the chains beyond `MAX_CHAINS` that were used longest ago. */
async function evictChains(database: Database, key: string): Promise<void> {
  const transaction = await database.begin([LINKS, RELAYS, USED]);
  const used = transaction.objectStore(USED);
  used.put(Date.now(), key);
  const [chains, times] = await Promise.all([result(used.getAllKeys()), result<number[]>(used.getAll())]);
  const byTime = chains.map((chain, at) => ({ chain: String(chain), time: times[at] ?? 0 })).sort((one, other) => other.time - one.time);
  for (const { chain } of byTime.slice(MAX_CHAINS)) {
    used.delete(chain);
    transaction.objectStore(RELAYS).delete(chain);
    transaction.objectStore(LINKS).delete(linksOf(chain));
  }
}

/** Writes `added`, the end of `links`, and deletes what is not in `links`. */
function replace(table: IDBObjectStore, key: string, links: readonly KeptBlock[], added: readonly KeptBlock[]): void {
  const [oldest, first] = [links[0], added[0]];
  if (oldest) table.delete(IDBKeyRange.bound([key], [key, oldest.number], false, true));
  if (first) table.delete(linksOf(key, first.number));
  for (const link of added) table.put(link, [key, link.number]);
}

/** The highest of a chain's blocks. */
async function lastOf(table: IDBObjectStore, key: string): Promise<KeptBlock | undefined> {
  const cursor = await result(table.openCursor(linksOf(key), 'prev'));
  return cursor?.value as KeptBlock | undefined;
}

/** A page of an opaque origin, and one whose storage the user has forbidden, may not even look. */
function hasIndexedDb(): boolean {
  try {
    return typeof indexedDB !== 'undefined' && indexedDB !== null;
  } catch {
    return false;
  }
}

/** The keys of a chain's blocks, from a number on. */
function linksOf(key: string, from = 0): IDBKeyRange {
  return IDBKeyRange.bound([key, from], [key, Infinity]);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Ends the transaction, and waits until it is written. */
function ended(transaction: IDBTransaction): Promise<void> {
  transaction.commit();
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
