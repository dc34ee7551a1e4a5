// The script of the dedicated worker: runs `serve` for each node, on a port of its own, and reports every failure.

import { defect } from '../shared/errors.js';
import type { FromThread, FromWorker, ToThread, ToWorker } from '../shared/protocol.js';
import { serve, type Served } from './serve.js';

/** What this file needs of a worker's global scope. */
interface Scope {
  postMessage(message: FromThread): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToThread>) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = self as unknown as Scope;
/** The nodes that have not ended: one for each chain of the page. */
const nodes = new Set<Served>();

function open(port: MessagePort): void {
  const node: Served = serve((message: FromWorker) => {
    if (message.type === 'stopped' || message.type === 'failed') nodes.delete(node);
    port.postMessage(message);
  });
  nodes.add(node);
  port.onmessage = (event: MessageEvent<ToWorker>) => node.receive(event.data);
}

scope.addEventListener('message', ({ data }) => (data.type === 'ping' ? scope.postMessage({ type: 'pong' }) : open(data.port)));
// A trap inside a task of a node is reported here, after the message of a panic if there was one. All nodes share the module.
scope.addEventListener('unhandledrejection', (event) => [...nodes].forEach((node) => node.fail(defect(event.reason))));
scope.postMessage({ type: 'ready' });
