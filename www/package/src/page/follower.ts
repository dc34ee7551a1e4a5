// The main interface of the package: creates, reads and stops a follower.

import { instead, loadChain, type RollupConfig } from './chains.js';
import { PetrelError, text, type PlainError } from '../shared/errors.js';
import type { Block, FollowerEvent } from '../shared/events.js';
import type { Feed } from './feed.js';
import { Feeds } from './feeds.js';
import { checkFollowerOptions, checkStreamOptions, type FollowerOptions, type StreamOptions } from './options.js';
import { PersistedChain } from './persisted-chain.js';
import { openPort, type Port } from './port.js';
import type { FromWorker, KeptBlock } from '../shared/protocol.js';
import type { Report, Status } from '../shared/status.js';
import { indexedDbStore } from './store.js';

/** A node that follows a chain. */
export interface Follower extends AsyncDisposable {
  /** Verified blocks from now on, in the order in which they came. Several readers get each their own. */
  blocks(options?: StreamOptions): Feed<Block>;
  /** All events from now on. */
  events(options?: StreamOptions): Feed<FollowerEvent>;
  /** The present state, and why it is not live. Works after the end too; rejects when the follower fails meanwhile. */
  status(): Promise<Status>;
  /** Closes the connections and ends the worker. May be called again. */
  stop(): Promise<void>;
}

/** Items that wait for a slow reader: the blocks of six minutes at five a second, and the events of that time. */
const BLOCKS = 2048;
const EVENTS = 4096;
/** Milliseconds that a worker may take to stop. */
const STOP_TIMEOUT = 1000;

/**
 * Starts a follower. It runs in a dedicated worker and redials its relays for as long as it lives.
 *
 * Rejects with a `PetrelError` when the options are wrong or the environment lacks something, and with the signal's
 * reason when that was aborted. Not being connected is no error: `status()` says so.
 */
export async function createFollower(options: FollowerOptions): Promise<Follower> {
  checkFollowerOptions(options);
  options.signal?.throwIfAborted();
  const { chain, relays, signer, advertisedRelays = true, store = indexedDbStore(), signal, worker, wasm } = options;
  const rollup = await unlessAborted(rollupOf(chain), signal);
  const persisted = store ? new PersistedChain(store, key(rollup, signer), advertisedRelays) : undefined;
  const node = new Node({ persisted, signal, worker, wasm: wasm && String(wasm) });
  try {
    await node.start((restored, restoredRelays) =>
      json({ chain: rollup, relays, signer, advertisedRelays, restored, restored_relays: restoredRelays }),
    );
  } catch (thrown) {
    throw withRemedy(thrown, chain);
  }
  return node;
}

/** The `rollup.json` of a chain that is given by name or id. An object is checked later, by the node. */
function rollupOf(chain: unknown): Promise<unknown> {
  return typeof chain === 'string' || typeof chain === 'number' ? loadChain(chain) : Promise.resolve(chain);
}

/** The result of `work`, unless the signal is aborted before. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal?.reason)));
  signal?.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Adds the names of chains to the remedy of a `bad_chain` error: the node does not know them. */
function withRemedy(thrown: unknown, chain: unknown): unknown {
  const isBadObject = thrown instanceof PetrelError && thrown.code === 'bad_chain' && typeof chain === 'object' && chain !== null;
  return isBadObject ? new PetrelError({ code: thrown.code, message: thrown.message, remedy: instead(chain) }, { cause: thrown }) : thrown;
}

/**
 * The key in a store of this chain with this signer, made of the chain's id, its genesis and the signer: the same for a chain that
 * is given by name and one that is given as an object. The node refuses an invalid chain or signer later.
 */
function key(chain: unknown, given: unknown): string {
  const { l2_chain_id: id, genesis, petrel } = (chain ?? {}) as Partial<RollupConfig>;
  const signer = given ?? (petrel as { signer?: unknown } | undefined)?.signer;
  return `${String(id)} ${String(genesis?.l2?.hash)} by ${String(signer)}`.toLowerCase();
}

function json(options: unknown): string {
  try {
    return JSON.stringify(options);
  } catch (thrown) {
    const message = `the options are not plain data: ${text(thrown)}`;
    throw new PetrelError({ code: 'bad_options', message, remedy: 'give what JSON can hold; numbers, not bigints' });
  }
}

/** What a node gets beside its configuration. */
interface Resources {
  readonly persisted: PersistedChain | undefined;
  readonly signal: AbortSignal | undefined;
  readonly worker: (() => Worker) | undefined;
  readonly wasm: string | undefined;
}

class Node implements Follower {
  readonly #blocks = new Feeds<Block>();
  readonly #events = new Feeds<FollowerEvent>();
  readonly #resources: Resources;
  readonly #statusRequests = new Map<number, { resolve(status: Status): void; reject(error: unknown): void }>();
  #lastRequestId = 0;
  #port: Port | undefined;
  #report: Report | undefined;
  #dropped = 0;
  #started: (() => void) | undefined;
  #end: { readonly state: 'stopped' | 'failed'; readonly reason: string; readonly error?: { readonly thrown: unknown } } | undefined;
  /** Rejects when the follower ends. */
  readonly #over: Promise<never>;
  #rejectOver!: (error: unknown) => void;
  /** Aborted when the follower ends. */
  readonly #ending = new AbortController();
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  readonly #abort = () => void this.stop();

  constructor(resources: Resources) {
    this.#resources = resources;
    this.#over = new Promise((_, reject) => (this.#rejectOver = reject));
    this.#over.catch(() => {
      // Only `start` waits for it.
    });
  }

  async start(configure: (restored: readonly KeptBlock[], restoredRelays: readonly string[]) => string): Promise<void> {
    const { persisted, signal, worker, wasm } = this.#resources;
    signal?.addEventListener('abort', this.#abort);
    try {
      const [restored, restoredRelays] = await this.#beforeEnd(Promise.all([persisted?.load() ?? [], persisted?.loadRelays() ?? []]));
      const config = configure(restored, restoredRelays);
      this.#port = await this.#beforeEnd(this.#openPort(worker));
      const started = new Promise<void>((resolve) => (this.#started = resolve));
      this.#port.send({ type: 'start', config, wasm });
      await this.#beforeEnd(started);
    } catch (thrown) {
      signal?.removeEventListener('abort', this.#abort);
      persisted?.end();
      throw thrown;
    }
  }

  /** The result of `work`, unless the follower ends before. */
  #beforeEnd<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#over]);
  }

  /** A port that opens after the end is closed at once. */
  async #openPort(worker: (() => Worker) | undefined): Promise<Port> {
    const port = await openPort((message) => this.#receive(message), this.#ending.signal, worker);
    if (this.#end) port.end();
    return port;
  }

  blocks(options: StreamOptions = {}): Feed<Block> {
    return this.#feed(this.#blocks, options, BLOCKS);
  }

  events(options: StreamOptions = {}): Feed<FollowerEvent> {
    return this.#feed(this.#events, options, EVENTS);
  }

  status(): Promise<Status> {
    const port = this.#port;
    if (this.#end || !port) return Promise.resolve(this.#status());
    this.#lastRequestId += 1;
    const id = this.#lastRequestId;
    return new Promise((resolve, reject) => {
      this.#statusRequests.set(id, { resolve, reject });
      port.send({ type: 'report', id });
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #close(): Promise<void> {
    if (this.#end) return;
    if (this.#port) {
      const port = this.#port;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#stopped = resolve;
        timer = setTimeout(resolve, STOP_TIMEOUT);
        port.send({ type: 'stop' });
      });
      clearTimeout(timer);
    }
    this.#finish('stopped', 'it was stopped', undefined);
  }

  #feed<T>(feeds: Feeds<T>, options: StreamOptions, usual: number): Feed<T> {
    checkStreamOptions(options);
    const feed = feeds.open(options.buffer ?? usual, options.signal);
    if (this.#end) feed.end(this.#end.error);
    return feed;
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'event':
        this.#port?.send({ type: 'ack', count: 1 });
        this.#missed(message.dropped);
        return this.#emit(message.event);
      case 'persist':
        return this.#resources.persisted?.add(message.block);
      case 'relays':
        return this.#resources.persisted?.saveRelays(message.relays);
      case 'started':
        this.#report = message.report;
        return this.#started?.();
      case 'report':
        this.#report = message.report;
        this.#statusRequests.get(message.id)?.resolve(this.#status());
        this.#statusRequests.delete(message.id);
        return;
      case 'stopped':
        this.#report = message.report ?? this.#report;
        return this.#stopped?.();
      case 'failed':
        return this.#finish('failed', message.error.message, message.error);
    }
  }

  /** `dropped` is how many events the worker has dropped in all. Their kinds are unknown, so every stream may have missed them. */
  #missed(dropped: number): void {
    const count = dropped - this.#dropped;
    if (count === 0) return;
    this.#eachFeed((feed) => feed.miss(count));
    this.#dropped = dropped;
  }

  #emit(event: FollowerEvent): void {
    this.#events.each((feed) => feed.push(event));
    if (event.event !== 'block') return;
    const { event: _, ...block } = event;
    this.#blocks.each((feed) => feed.push(block));
  }

  #eachFeed(action: (feed: Feed<Block> | Feed<FollowerEvent>) => void): void {
    this.#blocks.each(action);
    this.#events.each(action);
  }

  #finish(state: 'stopped' | 'failed', reason: string, failure: PlainError | undefined): void {
    if (this.#end) return;
    const error = failure ? { thrown: new PetrelError(failure) } : undefined;
    this.#end = { state, reason, ...(error ? { error } : {}) };
    const { signal } = this.#resources;
    signal?.removeEventListener('abort', this.#abort);
    this.#ending.abort();
    this.#port?.end();
    this.#resources.persisted?.end();
    this.#stopped?.();
    this.#rejectOver(error ? error.thrown : (signal?.reason ?? new Error(reason)));
    this.#eachFeed((feed) => feed.end(error));
    for (const { resolve, reject } of this.#statusRequests.values()) error ? reject(error.thrown) : resolve(this.#status());
    this.#statusRequests.clear();
  }

  #status(): Status {
    const { thread, reason } = this.#port ?? { thread: 'page' as const, reason: null };
    // There is a report from the end of `start` on, and no caller has the node before that.
    const report = this.#report as Report;
    const end = this.#end ? { state: this.#end.state, reason: this.#end.reason, peers: [] } : {};
    return { ...report, ...end, thread, threadReason: reason };
  }
}
