// The page's connection to the code that runs the node: in a dedicated worker, or on this thread where no worker can be started.

import { defect, PetrelError, text, type PlainError } from '../shared/errors.js';
import type { FromWorker, ToWorker } from '../shared/protocol.js';

/** The connection to the code that runs the node (`worker/serve.ts`). */
export interface Port {
  readonly thread: 'worker' | 'page';
  /** Why it runs on the page's thread; `null` in a worker. */
  readonly reason: string | null;
  send(message: ToWorker): void;
  /** Ends it; nothing is received after this. */
  end(): void;
}

type Receive = (message: FromWorker) => void;

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
 * Opens the port to the worker that `make` starts. `receive` is called for everything but `ready` and `pong`. When `ended` is aborted
 * before it is open the worker is ended, and the result never comes.
 *
 * Rejects with a `PetrelError` when the package's own script cannot be loaded either.
 */
export async function openPort(receive: Receive, ended: AbortSignal, make: () => Worker = start): Promise<Port> {
  if (typeof Worker === 'undefined') return here(receive, 'this environment has no Worker');
  let worker: Worker;
  try {
    worker = make();
  } catch (thrown) {
    return here(receive, `this page may not start a worker: ${text(thrown)}`);
  }
  const opened = await new WorkerConnection(worker, receive).opened(ended);
  return typeof opened === 'string' ? here(receive, opened) : opened;
}

/** A worker, and whether it still answers. */
class WorkerConnection {
  readonly #worker: Worker;
  readonly #receive: Receive;
  readonly #timer: ReturnType<typeof setInterval>;
  #isReady = false;
  /** Ticks since its last message. */
  #silent = 0;
  #onReady: (opened: Port | string) => void = () => {};

  constructor(worker: Worker, receive: Receive) {
    this.#worker = worker;
    this.#receive = receive;
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** The open port, or why the script could not be loaded, as text. */
  opened(ended: AbortSignal): Promise<Port | string> {
    ended.addEventListener('abort', () => this.#end());
    const worker = this.#worker;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#received(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(defect(event.message), "the worker's script could not be loaded");
    };
    worker.onmessageerror = () => this.#failed(defect('a message cannot be read'), "the worker's script could not be loaded");
    return new Promise((resolve) => (this.#onReady = resolve));
  }

  #received(message: FromWorker): void {
    this.#silent = 0;
    if (message.type === 'pong') return;
    if (message.type !== 'ready') return this.#receive(message);
    this.#isReady = true;
    this.#onReady({
      thread: 'worker',
      reason: null,
      send: (message) => this.#worker.postMessage(message),
      end: () => this.#end(),
    });
  }

  #tick(): void {
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) this.#failed(noAnswer(), 'the worker does not answer');
    else if (this.#isReady) this.#worker.postMessage({ type: 'ping' } satisfies ToWorker);
  }

  /** `error` for a port that is open; `reason` for one that is not. */
  #failed(error: PlainError, reason: string): void {
    this.#end();
    if (this.#isReady) this.#receive({ type: 'failed', error });
    else this.#onReady(reason);
  }

  #end(): void {
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

async function here(receive: Receive, reason: string): Promise<Port> {
  const { serve } = await import('../worker/serve.js').catch(notLoaded);
  let open = true;
  // Asynchronous, as messages of a worker are.
  const handle = serve((message) => queueMicrotask(() => open && receive(message)));
  return {
    thread: 'page',
    reason,
    send: (message) => queueMicrotask(() => open && handle(message)),
    end: () => {
      open = false;
    },
  };
}

function notLoaded(thrown: unknown): never {
  throw new PetrelError({
    code: 'not_started',
    message: `the node's script could not be loaded: ${text(thrown)}`,
    remedy: "reload the page, and serve all of the package's scripts; a service worker may not load any: use a page or an offscreen document",
  });
}
