// The script of a worker: a dedicated one, or the one that the tabs of an origin share.

import type { FromThread, ToSharedThread, ToThread } from '../shared/protocol.js';

/** What a script does to the one who listens. */
export interface Heard {
  received(message: FromThread): void;
  /** It could not be loaded, or an exception was not caught; as text. */
  failed(message: string): void;
}

export interface Script {
  readonly kind: 'worker' | 'shared';
  listen(heard: Heard): void;
  /** Serves a node on this port; in a shared worker the node of this key. */
  open(port: MessagePort, key: string): void;
  ping(): void;
  /** Nothing is heard after this. A worker of this tab alone ends. */
  end(): void;
}

export function dedicated(worker: Worker): Script {
  return {
    kind: 'worker',
    listen: ({ received, failed }) => {
      worker.onmessage = (event: MessageEvent<FromThread>) => received(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        failed(event.message);
      };
      worker.onmessageerror = () => failed('a message cannot be read');
    },
    open: (port) => worker.postMessage({ type: 'open', port } satisfies ToThread, [port]),
    ping: () => worker.postMessage({ type: 'ping' } satisfies ToThread),
    end: () => {
      [worker.onmessage, worker.onerror, worker.onmessageerror] = [null, null, null];
      worker.terminate();
    },
  };
}

export function shared(worker: SharedWorker): Script {
  const { port } = worker;
  const send = (message: ToSharedThread, transfer: Transferable[] = []): void => port.postMessage(message, transfer);
  const release = holdLock((lock) => send({ type: 'tab', lock }));
  return {
    kind: 'shared',
    listen: ({ received, failed }) => {
      port.onmessage = (event: MessageEvent<FromThread>) => received(event.data);
      port.onmessageerror = () => failed('a message cannot be read');
      worker.onerror = (event) => failed((event as ErrorEvent).message || 'it cannot be loaded');
    },
    open: (node, key) => send({ type: 'open', port: node, key }, [node]),
    ping: () => send({ type: 'ping' }),
    end: () => {
      [port.onmessage, port.onmessageerror, worker.onerror] = [null, null, null];
      release();
      port.close();
    },
  };
}

/**
 * Holds a lock of a name of its own until the result is called, or this tab is gone: whoever waits for the lock learns it then.
 * `held` is called with the name. Without Web Locks (a page that is not secure) nothing is held.
 */
function holdLock(held: (name: string) => void): () => void {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const name = `petrel tab ${Math.random().toString(36).slice(2)}${Date.now()}`;
  const { locks } = navigator as { readonly locks?: LockManager };
  locks
    ?.request(name, () => {
      held(name);
      return released;
    })
    .catch(() => {
      // The page is being closed.
    });
  return release;
}
