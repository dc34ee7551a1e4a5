// One node as the page has it: what its worker sends becomes streams, calls of listeners, and answers; and it ends.

import { unlessAborted } from './abort.js';
import type { ChainSource } from './chain-source.js';
import { PetrelError, type PlainError } from '../shared/errors.js';
import type { Block, FollowerEvent, Head, Reorg } from '../shared/events.js';
import type { Feed } from './feed.js';
import { Emitter } from './emitter.js';
import type { KnownChain } from './known-chain.js';
import { shortText, type L1Page } from './l1.js';
import type { Position } from './head-tracker.js';
import type { Heard } from './listeners.js';
import type { Log } from './logger.js';
import type { StreamOptions } from './options.js';
import type { PersistedChain } from './persisted-chain.js';
import type { FromWorker, KeptBlock, KnownBlock, ToWorker } from '../shared/protocol.js';
import { Requests } from './requests.js';
import type { Report, Status } from '../shared/status.js';
import type { Port, Thread } from './thread.js';

/** Milliseconds that a worker may take to stop. */
const STOP_TIMEOUT = 1000;

/** What a node gets beside its configuration. */
export interface Resources {
  readonly thread: Thread;
  readonly known: KnownChain;
  readonly persisted: PersistedChain | undefined;
  /** What answers the worker's questions about L1. */
  readonly l1: L1Page | undefined;
  /** Stops it. */
  readonly signal: AbortSignal | undefined;
  readonly wasm: string | undefined;
  readonly log: Log;
}

/** The configuration as JSON, with the blocks and relays of an earlier run. */
export type Configure = (restored: readonly KeptBlock[], restoredRelays: readonly string[]) => string;

/** What starts a node, and another one in its place. */
interface Start {
  readonly configure: Configure;
  relays: readonly string[];
}

type EventMessage = Extract<FromWorker, { type: 'event' }>;

interface End {
  readonly state: 'stopped' | 'failed';
  readonly reason: string;
  readonly error?: { readonly thrown: unknown };
}

export class Node implements ChainSource {
  readonly #resources: Resources;
  readonly #emitter: Emitter;
  readonly #reports = new Requests<Status>();
  readonly #calls = new Requests<string | undefined>();
  #port: Port | undefined;
  #report: Report | undefined;
  /** Events that came before the application had the node: at most `WINDOW` of them, because they are not acknowledged. */
  #held: EventMessage[] | undefined = [];
  #start: Start | undefined;
  #started: (() => void) | undefined;
  #end: End | undefined;
  /** Aborted when it ends. */
  readonly #ending = new AbortController();
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  readonly #abort = () => void this.stop();

  constructor(resources: Resources) {
    this.#resources = resources;
    this.#emitter = new Emitter(resources.log);
  }

  /**
   * Rejects when it ends before: with the failure, or with the reason of the signal that stopped it. In a shared worker tabs that give the
   * same `key` have one node.
   */
  async start(configure: Configure, key: string): Promise<void> {
    const { thread, persisted, signal, log } = this.#resources;
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', this.#abort);
      const [relays] = await this.#beforeEnd(Promise.all([persisted?.loadRelays() ?? [], persisted?.load()]));
      const start = { configure, relays };
      const message = this.#startMessage(start, null);
      const started = new Promise<void>((resolve) => (this.#started = resolve));
      this.#start = start;
      this.#port = thread.open((message) => this.#receive(message), key);
      this.#port.send(message);
      await this.#beforeEnd(started);
    } catch (thrown) {
      this.#finish('stopped', 'it did not start', undefined);
      throw signal?.aborted && !this.#end?.error ? signal.reason : thrown;
    }
    log.write('info', 'started', { thread: thread.kind });
  }

  #startMessage({ configure, relays }: Start, since: KnownBlock | null): ToWorker {
    const { known, wasm } = this.#resources;
    return { type: 'start', config: configure(known.blocks, relays), wasm, since };
  }

  /** Another node goes on: from the blocks that this page knows, and with the requests that have no answer. */
  #restart(): void {
    const { known, log } = this.#resources;
    if (this.#end || this.#stopping || !this.#start || !this.#port) return;
    if (this.#report) log.write('info', 'started again', { block: known.newest?.number ?? null });
    known.resume();
    this.#emitter.restarted();
    this.#port.send(this.#startMessage(this.#start, known.newest));
    this.#reports.again();
    this.#calls.again();
  }

  /** From now on the application gets events: those that came before first. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const message of held) this.#give(message);
  }

  #give({ event, dropped }: EventMessage): void {
    this.#port?.send({ type: 'ack', count: 1 });
    this.#emitter.dropped(dropped);
    this.#emitter.emit(event);
  }

  /** The result of `work`, unless the node ends before. */
  #beforeEnd<T>(work: Promise<T>): Promise<T> {
    return unlessAborted(work, this.signal);
  }

  /** The chain id; known when it has started, as is `name`. */
  get id(): number {
    return this.#report?.chain.id ?? 0;
  }

  get name(): string {
    return this.#report?.chain.name ?? '';
  }

  get position(): Position {
    return this.#emitter.position;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  blocks(options: StreamOptions = {}): Feed<Block> {
    return this.#emitter.blocks(options);
  }

  events(options: StreamOptions = {}): Feed<FollowerEvent> {
    return this.#emitter.events(options);
  }

  /** Calls `listener` from now on until the result is called, the signal is aborted, or the node ends. */
  on<K extends keyof Heard>(kind: K, listener: (heard: Heard[K]) => void, signal?: AbortSignal): () => void {
    return this.#emitter.on(kind, listener, signal);
  }

  onHead(listener: (head: Head) => void): () => void {
    return this.on('head', listener);
  }

  onReorg(listener: (reorg: Reorg) => void): () => void {
    return this.on('reorg', listener);
  }

  call(method: string, ...args: string[]): Promise<string | undefined> {
    const port = this.#port;
    if (this.signal.aborted) return Promise.reject(this.signal.reason);
    if (!port) return Promise.reject(notStarted());
    return this.#calls.ask((id) => port.send({ type: 'call', id, method, args }));
  }

  status(): Promise<Status> {
    const port = this.#port;
    if (this.#end || !port) return Promise.resolve(this.#status());
    return this.#reports.ask((id) => port.send({ type: 'report', id }));
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  emit(event: FollowerEvent): void {
    this.#emitter.emit(event);
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

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'event':
        if (this.#resources.known.isRepeated(message.event)) return this.#port?.send({ type: 'ack', count: 1 });
        return this.#held ? void this.#held.push(message) : this.#give(message);
      case 'restart':
        return this.#restart();
      case 'persist':
        return this.#resources.persisted?.add(message.block);
      case 'relays':
        if (this.#start) this.#start.relays = message.relays;
        return this.#resources.persisted?.saveRelays(message.relays);
      case 'ask':
        return void this.#answer(message);
      case 'started':
        this.#report = message.report;
        return this.#started?.();
      case 'report':
        this.#report = message.report;
        return this.#reports.answered(message.id, this.#status());
      case 'returned':
        return this.#calls.answered(message.id, message.value);
      case 'threw':
        return this.#calls.refused(message.id, new PetrelError(message.error));
      case 'stopped':
        this.#report = message.report ?? this.#report;
        return this.#stopped?.();
      case 'failed':
        return this.#finish('failed', message.error.message, message.error);
    }
  }

  async #answer({ id, question }: Extract<FromWorker, { type: 'ask' }>): Promise<void> {
    const answer = this.#resources.l1?.answer(question) ?? Promise.reject(new Error('there is no option l1'));
    const [json, error] = await answer.then((json) => [json, null] as const, (thrown: unknown) => ['', shortText(thrown)] as const);
    if (!this.#end) this.#port?.send({ type: 'answer', id, json, error });
  }

  #finish(state: End['state'], reason: string, failure: PlainError | undefined): void {
    if (this.#end) return;
    this.release();
    const error = failure ? { thrown: new PetrelError(failure) } : undefined;
    this.#end = { state, reason, ...(error ? { error } : {}) };
    const { persisted, signal, log } = this.#resources;
    signal?.removeEventListener('abort', this.#abort);
    this.#port?.end();
    persisted?.end();
    this.#stopped?.();
    this.#ending.abort(error ? error.thrown : stopped());
    this.#emitter.end(error);
    this.#reports.end(({ resolve, reject }) => (error ? reject(error.thrown) : resolve(this.#status())));
    this.#calls.end(({ reject }) => reject(this.signal.reason));
    if (failure) log.write('error', failure.message, { code: failure.code, remedy: failure.remedy });
    else log.write('info', 'stopped');
  }

  #status(): Status {
    const { kind: thread, reason: threadReason } = this.#resources.thread;
    // There is a report from the end of `start` on, and no caller has the node before that.
    const report = this.#report as Report;
    const end = this.#end ? { state: this.#end.state, reason: this.#end.reason, peers: [] } : {};
    return { ...report, ...end, thread, threadReason };
  }
}

function stopped(): PetrelError {
  return new PetrelError({ code: 'stopped', message: 'the node of this chain was stopped', remedy: 'create a new one' });
}

function notStarted(): PetrelError {
  return new PetrelError({ code: 'not_started', message: 'the node of this chain has not started', remedy: 'wait until it has' });
}
