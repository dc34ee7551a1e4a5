// The script of the dedicated worker: runs `serve`, and reports every failure.

import { defect } from '../shared/errors.js';
import type { FromWorker, ToWorker } from '../shared/protocol.js';
import { serve } from './serve.js';

/** What this file needs of a worker's global scope. */
interface Scope {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = self as unknown as Scope;
const handle = serve((message) => scope.postMessage(message));

scope.addEventListener('message', (event) => handle(event.data));
// A trap inside a task of the node is reported here, after the message of a panic if there was one.
scope.addEventListener('unhandledrejection', (event) => scope.postMessage({ type: 'failed', error: defect(event.reason) }));
scope.postMessage({ type: 'ready' });
