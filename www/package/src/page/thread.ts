// Where the nodes run: in a dedicated worker, which has one WebAssembly module for all of them, or on this thread where no worker can
// be started. Each node has a port of its own.

import { unlessAborted } from './abort.js';
import { defect, PetrelError, text, type PlainError } from '../shared/errors.js';
import type { FromThread, FromWorker, ToThread, ToWorker } from '../shared/protocol.js';

/** The connection to the code that runs one node (`worker/serve.ts`). */
export interface Port {
  send(message: ToWorker): void;
  /** Ends it; nothing is received after this. */
  end(): void;
}

type Receive = (message: FromWorker) => void;

/** Where nodes run. */
export interface Thread {
  readonly kind: 'worker' | 'page';
  /** Why it is the page's thread; `null` in a worker. */
  readonly reason: string | null;
  /** A port to a new node. When the worker fails, each open port receives `failed`. */
  open(receive: Receive): Port;
  /** Ends the worker, and whatever runs in it. */
  end(): void;
}

/**
 * A worker that sends nothing for this many ticks of so many milliseconds, although it was asked in each of them, has ended or hangs: no
 * browser tells a page that it ended a worker. Ticks are counted, not time, because a device may sleep between two of them. The longest
 * task of a worker is the check of a 10 MiB block, a second on a slow phone.
 */
const TICK = 1_000;
const SILENT_TICKS = 20;

/** Starts the package's worker. Bundlers recognise this form alone. */
const start = (): Worker => new Worker(new URL('../worker/worker.js', import.meta.url), { type: 'module', name: 'petrel' });

/**
 * Starts the worker that `make` makes. Rejects with the signal's reason when that is aborted before the worker listens, and with a
 * `PetrelError` when the package's own script cannot be loaded on this thread either.
 */
export async function openThread(signal: AbortSignal | undefined, make: () => Worker = start): Promise<Thread> {
  if (typeof Worker === 'undefined') return here('this environment has no Worker');
  let worker: Worker;
  try {
    worker = make();
  } catch (thrown) {
    return here(`this page may not start a worker: ${text(thrown)}`);
  }
  const thread = new WorkerThread(worker);
  try {
    const reason = await unlessAborted(thread.listening(), signal);
    return reason === null ? thread : here(reason);
  } catch (thrown) {
    thread.end();
    throw thrown;
  }
}

/** A worker, and whether it still answers. */
class WorkerThread implements Thread {
  readonly kind = 'worker';
  readonly reason = null;
  readonly #worker: Worker;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Of the open ports. */
  readonly #receivers = new Set<Receive>();
  #isReady = false;
  /** Ticks since the last message. */
  #silent = 0;
  #failure: PlainError | undefined;
  #onReady: (reason: string | null) => void = () => {};

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** `null` when the script listens; why it could not be loaded, as text. */
  listening(): Promise<string | null> {
    const worker = this.#worker;
    worker.onmessage = (event: MessageEvent<FromThread>) => this.#received(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(defect(event.message), "the worker's script could not be loaded");
    };
    worker.onmessageerror = () => this.#failed(defect('a message cannot be read'), "the worker's script could not be loaded");
    return new Promise((resolve) => (this.#onReady = resolve));
  }

  open(receive: Receive): Port {
    const { port1: port, port2: other } = new MessageChannel();
    const end = (): void => {
      this.#receivers.delete(receive);
      [port.onmessage, port.onmessageerror] = [null, null];
      port.close();
    };
    const failure = this.#failure;
    if (failure) queueMicrotask(() => receive({ type: 'failed', error: failure }));
    this.#receivers.add(receive);
    port.onmessage = (event: MessageEvent<FromWorker>) => {
      this.#silent = 0;
      receive(event.data);
    };
    port.onmessageerror = () => receive({ type: 'failed', error: defect('a message cannot be read') });
    this.#worker.postMessage({ type: 'open', port: other } satisfies ToThread, [other]);
    return { send: (message) => port.postMessage(message), end };
  }

  #received(message: FromThread): void {
    this.#silent = 0;
    if (message.type === 'pong') return;
    this.#isReady = true;
    this.#onReady(null);
  }

  #tick(): void {
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) this.#failed(noAnswer(), 'the worker does not answer');
    else if (this.#isReady) this.#worker.postMessage({ type: 'ping' } satisfies ToThread);
  }

  /** `error` for nodes that run; `reason` when the script does not listen yet. */
  #failed(error: PlainError, reason: string): void {
    this.end();
    this.#failure = error;
    if (!this.#isReady) this.#onReady(reason);
    for (const receive of [...this.#receivers]) receive({ type: 'failed', error });
  }

  end(): void {
    clearInterval(this.#timer);
    const worker = this.#worker;
    [worker.onmessage, worker.onerror, worker.onmessageerror] = [null, null, null];
    worker.terminate();
  }
}

function noAnswer(): PlainError {
  return {
    code: 'no_answer',
    message: `the worker of the node has not answered for ${(SILENT_TICKS * TICK) / 1000} s: it was ended, or it hangs`,
    remedy: 'create a new follower',
  };
}

async function here(reason: string): Promise<Thread> {
  const { serve } = await import('../worker/serve.js').catch(notLoaded);
  const open = (receive: Receive): Port => {
    let isOpen = true;
    // Asynchronous, as messages of a worker are.
    const node = serve((message) => queueMicrotask(() => isOpen && receive(message)));
    return {
      send: (message) => queueMicrotask(() => isOpen && node.receive(message)),
      end: () => {
        isOpen = false;
      },
    };
  };
  return { kind: 'page', reason, open, end: () => {} };
}

function notLoaded(thrown: unknown): never {
  throw new PetrelError({
    code: 'not_started',
    message: `the node's script could not be loaded: ${text(thrown)}`,
    remedy: "reload the page, and serve all of the package's scripts; a service worker may not load any: use a page or an offscreen document",
  });
}
