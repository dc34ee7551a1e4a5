// What a node tells the application: streams, listeners, the logger, and where the head is.

import type { Block, FollowerEvent } from '../shared/events.js';
import type { Feed } from './feed.js';
import { Feeds } from './feeds.js';
import { HeadTracker } from './head-tracker.js';
import { Listeners, type Heard } from './listeners.js';
import type { Log } from './logger.js';
import { checkStreamOptions, type StreamOptions } from './options.js';

/** Items that wait for a slow reader: the blocks of six minutes at five a second, and the events of that time. */
const BLOCKS = 2048;
const EVENTS = 4096;

export class Emitter {
  readonly position = new HeadTracker();
  readonly #blocks = new Feeds<Block>();
  readonly #events = new Feeds<FollowerEvent>();
  readonly #listeners = new Listeners((thrown) => this.#listenerFailed(thrown));
  readonly #log: Log;
  /** How many events the worker has dropped. */
  #dropped = 0;
  #end: { readonly error: { readonly thrown: unknown } | undefined } | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  blocks(options: StreamOptions): Feed<Block> {
    return this.#feed(this.#blocks, options, BLOCKS);
  }

  events(options: StreamOptions): Feed<FollowerEvent> {
    return this.#feed(this.#events, options, EVENTS);
  }

  on<K extends keyof Heard>(kind: K, listener: (heard: Heard[K]) => void, signal?: AbortSignal): () => void {
    const remove = this.#listeners.on(kind, listener, signal);
    if (this.#end) remove();
    return remove;
  }

  emit(event: FollowerEvent): void {
    if (this.#end) return;
    this.position.track(event);
    this.#log.event(event);
    this.#events.each((feed) => feed.push(event));
    if (event.event === 'block') {
      const { event: _, ...block } = event;
      this.#blocks.each((feed) => feed.push(block));
    }
    this.#listeners.emit(event);
  }

  /** How many listeners there are. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** The worker has dropped so many events in all. Their kinds are unknown, so every stream may have missed them. */
  dropped(events: number): void {
    const count = events - this.#dropped;
    if (count <= 0) return;
    this.#eachFeed((feed) => feed.miss(count));
    this.#dropped = events;
  }

  /** Events are of another worker from now on, which counts for itself. */
  restarted(): void {
    this.#dropped = 0;
  }

  /** Ends the streams, with this error if there is one, and removes the listeners. */
  end(error: { readonly thrown: unknown } | undefined): void {
    this.#end = { error };
    this.#listeners.end();
    this.#eachFeed((feed) => feed.end(error));
  }

  #feed<T>(feeds: Feeds<T>, options: StreamOptions, usual: number): Feed<T> {
    checkStreamOptions(options);
    const feed = feeds.open(options.buffer ?? usual, options.signal);
    if (this.#end) feed.end(this.#end.error);
    return feed;
  }

  #eachFeed(action: (feed: Feed<Block> | Feed<FollowerEvent>) => void): void {
    this.#blocks.each(action);
    this.#events.each(action);
  }

  /** Without a logger it is an uncaught exception, as that of a listener of an `EventTarget`. */
  #listenerFailed(thrown: unknown): void {
    if (this.#log.write('error', 'a listener failed', { error: thrown })) return;
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
