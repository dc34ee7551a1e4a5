// Node's worker threads in the place of web workers. No module of Node is imported before a thread is started, and none by a name that
// a bundler for browsers finds.

import type { NodeWorker } from '../shared/environment.js';
import { text } from '../shared/errors.js';
import type { FromThread, ToThread } from '../shared/protocol.js';
import { dedicated, type Heard, type Script } from './worker-script.js';

type Start = () => NodeWorker;

/** What starts the package's own script in a thread of Node; `undefined` where there are no such threads. */
export async function nodeStart(): Promise<Start | undefined> {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } };
  if (!process?.versions?.node) return undefined;
  // Bundlers look for a `new URL()` of `import.meta.url` itself.
  const [module, script, here] = ['node:worker_threads', '../worker/node-scope.js', import.meta.url];
  try {
    const threads = (await import(/* @vite-ignore */ /* webpackIgnore: true */ module)) as {
      readonly Worker: new (code: string, options: { readonly eval: true; readonly name: string }) => NodeWorker;
    };
    const { href } = new URL(script, here);
    // A file would be refused in a process that has --input-type, as `node --input-type=module -e …`.
    return () => new threads.Worker(`import(${JSON.stringify(href)})`, { eval: true, name: 'petrel' });
  } catch {
    // An environment that only resembles Node.
    return undefined;
  }
}

/** The script of a worker of either kind. */
export function scriptOf(worker: Worker | NodeWorker): Script {
  return isNodeWorker(worker) ? thread(worker) : dedicated(worker);
}

function isNodeWorker(worker: Worker | NodeWorker): worker is NodeWorker {
  return typeof (worker as Partial<NodeWorker>).on === 'function';
}

function thread(worker: NodeWorker): Script {
  let heard: Heard | undefined;
  const post = (message: ToThread, transfer: readonly unknown[] = []): void => worker.postMessage(message, transfer as readonly never[]);
  const listen: Script['listen'] = (by) => {
    heard = by;
    worker.on('message', (message) => heard?.received(message as FromThread));
    worker.on('messageerror', () => heard?.failed('a message cannot be read'));
    worker.on('error', (thrown) => heard?.failed(text(thrown)));
    // It ended by itself: `process.exit()`, or no memory.
    worker.on('exit', (code) => heard?.failed(`its thread ended with the code ${String(code)}`));
  };
  const end = (): void => {
    heard = undefined;
    worker.terminate();
  };
  return { kind: 'worker', outlivesTab: false, listen, open: (port) => post({ type: 'open', port }, [port]), ping: () => post({ type: 'ping' }), end };
}
