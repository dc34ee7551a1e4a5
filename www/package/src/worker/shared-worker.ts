// The script of the worker that the tabs of an origin share: runs one node for each chain and configuration, and gives each tab a port
// to it.

import { defect } from '../shared/errors.js';
import type { FromThread, ToSharedThread, ToWorker } from '../shared/protocol.js';
import { Hub } from './hub.js';

/** What this file needs of a shared worker's global scope. */
interface Scope {
  addEventListener(type: 'connect', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = self as unknown as Scope;
const hub = new Hub();

function connected(tab: MessagePort): void {
  const ends = new Set<() => void>();
  const send = (message: FromThread): void => tab.postMessage(message);
  tab.onmessage = ({ data }: MessageEvent<ToSharedThread>) => {
    if (data.type === 'ping') return send({ type: 'pong' });
    if (data.type === 'tab') return whenGone(data.lock, () => ends.forEach((end) => end()));
    const { port } = data;
    const { receive, end } = hub.open(data.key, (message) => port.postMessage(message));
    port.onmessage = (event: MessageEvent<ToWorker>) => {
      receive(event.data);
      if (event.data.type === 'stop') ends.delete(end);
    };
    ends.add(end);
  };
  send({ type: 'ready' });
}

/** A tab holds the lock of this name as long as it lives: no event says that a tab was closed. */
function whenGone(lock: string, gone: () => void): void {
  navigator.locks?.request(lock, gone).catch(() => {
    // Without locks (a page that is not secure) a tab that closes stays: it gets no more than `WINDOW` events.
  });
}

scope.addEventListener('connect', ({ ports: [port] }) => port && connected(port));
// A trap inside a task of a node is reported here, after the message of a panic if there was one. All nodes share the module.
scope.addEventListener('unhandledrejection', (event) => hub.fail(defect(event.reason)));
