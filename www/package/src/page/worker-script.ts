// The script of a worker: a dedicated one, or the one that the tabs of an origin share.

import type { FromThread, ToSharedThread, ToThread } from '../shared/protocol.js';

/** What a script does to the one who listens. */
export interface Heard {
  received(message: FromThread): void;
  /** It could not be loaded, or an exception was not caught; as text. */
  failed(message: string): void;
  /** A shared worker has ended. */
  gone(): void;
}

export interface Script {
  readonly kind: 'worker' | 'shared';
  /** Whether it runs on when this tab leaves it, so that it can be connected to again. */
  readonly outlivesTab: boolean;
  listen(heard: Heard): void;
  /** Serves a node on this port; in a shared worker the node of this key. */
  open(port: MessagePort, key: string): void;
  ping(): void;
  /** Nothing is heard after this. A worker of this tab alone ends. */
  end(): void;
}

/** A worker of this tab whose node other tabs use when it is elected, and which uses that of another tab when it is not. */
export function elected(worker: Worker): Script {
  return { ...dedicated(worker), kind: 'shared', open: (port, key) => worker.postMessage({ type: 'open', port, key } satisfies ToSharedThread, [port]) };
}

export function dedicated(worker: Worker): Script {
  return {
    kind: 'worker',
    outlivesTab: false,
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
  return {
    kind: 'shared',
    outlivesTab: true,
    listen: ({ received, failed, gone }) => {
      port.onmessage = (event: MessageEvent<FromThread>) => received(event.data);
      port.onmessageerror = () => failed('a message cannot be read');
      worker.onerror = (event) => failed((event as ErrorEvent).message || 'it cannot be loaded');
      // Not every browser says that the worker of another tab's process is gone.
      port.addEventListener('close', gone);
    },
    open: (node, key) => send({ type: 'open', port: node, key }, [node]),
    ping: () => send({ type: 'ping' }),
    end: () => {
      [port.onmessage, port.onmessageerror, worker.onerror] = [null, null, null];
      send({ type: 'gone' });
      port.close();
    },
  };
}
