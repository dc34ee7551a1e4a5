// Where the nodes run: in a worker, of this tab alone or of all tabs, which has one WebAssembly module for all of them, or on this
// thread where no worker can be started. Each node has a port of its own.

import { unlessAborted } from './abort.js';
import type { NodeWorker } from '../shared/environment.js';
import { PetrelError, text } from '../shared/errors.js';
import type { FromWorker, ToWorker } from '../shared/protocol.js';
import { nodeStart, scriptOf } from './node-worker.js';
import { elected, shared, type Script } from './worker-script.js';
import { WorkerThread } from './worker-thread.js';

/** The connection to the code that runs one node (`worker/serve.ts`). */
export interface Port {
  send(message: ToWorker): void;
  /** Ends it; nothing is received after this. */
  end(): void;
}

export type Receive = (message: FromWorker) => void;

/** Where nodes run. */
export interface Thread {
  /** `shared`: in a worker that other tabs use too. */
  readonly kind: 'worker' | 'shared' | 'page';
  /** Why it is the page's thread; `null` in a worker. */
  readonly reason: string | null;
  /** A port to a new node, or in a shared worker to that of this key. When the worker fails, each open port receives `failed`. */
  open(receive: Receive, key: string): Port;
  /** Ends the worker, and whatever runs in it. */
  end(): void;
}

/** Starts the package's workers. Bundlers recognise this form alone. */
const start = (): Worker => new Worker(new URL('../worker/worker.js', import.meta.url), { type: 'module', name: 'petrel' });
const startShared = (): SharedWorker => new SharedWorker(new URL('../worker/shared-worker.js', import.meta.url), { type: 'module', name: 'petrel' });
const startElected = (): Worker => new Worker(new URL('../worker/elected-worker.js', import.meta.url), { type: 'module', name: 'petrel' });

/**
 * Starts the worker that `make` makes, or the package's own; where there are no web workers, in a thread of Node. Rejects with the
 * signal's reason when that is aborted before the worker listens, and with a `PetrelError` when the package's own script cannot be
 * loaded on this thread either.
 */
export async function openThread(signal: AbortSignal | undefined, make?: () => Worker | NodeWorker): Promise<Thread> {
  const starts = make ?? (typeof Worker === 'undefined' ? await nodeStart() : start);
  if (!starts) return here('this environment has no Worker');
  const opened = await opening(() => scriptOf(starts()), signal);
  return typeof opened === 'string' ? here(opened) : opened;
}

/**
 * The worker that all tabs of this origin share: a `SharedWorker`, or that of the tab which they elect. A worker of this tab alone where
 * tabs can neither share one nor elect.
 */
export async function openSharedThread(signal: AbortSignal | undefined, make?: () => Worker | NodeWorker): Promise<Thread> {
  if (make) return openThread(signal, make);
  for (const script of sharedScripts()) {
    const opened = await opening(script, signal);
    if (typeof opened !== 'string') return opened;
  }
  return openThread(signal);
}

function sharedScripts(): (() => Script)[] {
  const { locks } = (globalThis.navigator ?? {}) as { readonly locks?: LockManager };
  const canElect = typeof Worker !== 'undefined' && typeof BroadcastChannel !== 'undefined' && typeof document !== 'undefined' && locks !== undefined;
  return [...(typeof SharedWorker === 'undefined' ? [] : [() => shared(startShared())]), ...(canElect ? [() => elected(startElected())] : [])];
}

/** The thread, or why it cannot be used, as text. */
async function opening(make: () => Script, signal: AbortSignal | undefined): Promise<Thread | string> {
  let thread: WorkerThread;
  try {
    thread = new WorkerThread(make);
  } catch (thrown) {
    return `this page may not start a worker: ${text(thrown)}`;
  }
  try {
    return (await unlessAborted(thread.listening(), signal)) ?? thread;
  } catch (thrown) {
    thread.end();
    throw thrown;
  }
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
