// The page's connection to the code that runs the node: in a dedicated worker, or on this thread where no worker can be started.

import { defect, PetrelError, text } from '../shared/errors.js';
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

/** Starts the package's worker. Bundlers recognise this form alone. */
const start = (): Worker => new Worker(new URL('../worker/worker.js', import.meta.url), { type: 'module', name: 'petrel' });

/**
 * Opens the port to the worker that `make` starts. `receive` is called for everything but `ready`.
 *
 * Rejects with a `PetrelError` when the package's own script cannot be loaded either.
 */
export async function openPort(receive: Receive, make: () => Worker = start): Promise<Port> {
  if (typeof Worker === 'undefined') return here(receive, 'this environment has no Worker');
  let worker: Worker;
  try {
    worker = make();
  } catch (thrown) {
    return here(receive, `this page may not start a worker: ${text(thrown)}`);
  }
  return (await loaded(worker, receive)) ?? here(receive, "the worker's script could not be loaded");
}

/** Waits for the script; `null` when it cannot be loaded. */
function loaded(worker: Worker, receive: Receive): Promise<Port | null> {
  let ready = false;
  return new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      if (event.data.type !== 'ready') return receive(event.data);
      ready = true;
      resolve({
        thread: 'worker',
        reason: null,
        send: (message) => worker.postMessage(message),
        end: () => {
          worker.onmessage = null;
          worker.onerror = null;
          worker.terminate();
        },
      });
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (ready) return receive({ type: 'failed', error: defect(event.message) });
      worker.terminate();
      resolve(null);
    };
  });
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
