// Where the node runs: a dedicated worker, or this thread with the reason why.

import { defect, text } from './errors.js';
import type { FromWorker, ToWorker } from './protocol.js';

/** A line to `serve`. */
export interface Link {
  readonly thread: 'worker' | 'page';
  /** Why it is no worker. */
  readonly reason: string | null;
  send(message: ToWorker): void;
  /** Ends it; nothing is received after this. */
  end(): void;
}

type Receive = (message: FromWorker) => void;

/** Opens the line. `receive` is called for everything but `ready`. */
export async function open(receive: Receive): Promise<Link> {
  if (typeof Worker === 'undefined') return here(receive, 'this environment has no Worker');
  let worker: Worker;
  try {
    worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'petrel' });
  } catch (thrown) {
    return here(receive, `this page may not start a worker: ${text(thrown)}`);
  }
  return (await loaded(worker, receive)) ?? here(receive, "the worker's script could not be loaded");
}

/** Waits for the script; `null` when it cannot be loaded. */
function loaded(worker: Worker, receive: Receive): Promise<Link | null> {
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

async function here(receive: Receive, reason: string): Promise<Link> {
  const { serve } = await import('./serve.js');
  let open = true;
  // As a message would: never inside the call that caused it.
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
