// The script of the dedicated worker where the tabs of an origin share nodes and no worker: the tabs elect one, whose worker runs the nodes.

import { defect } from '../shared/errors.js';
import type { FromThread, ToSharedThread } from '../shared/protocol.js';
import { Member } from './tabs/member.js';

/** What this file needs of a worker's global scope. */
interface Scope {
  postMessage(message: FromThread): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToSharedThread>) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = self as unknown as Scope;
const member = new Member(self.location.href, navigator.locks);

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'ping') scope.postMessage({ type: 'pong' });
  else if (data.type === 'open') member.open(data.port, data.key);
});
// A trap inside a task of a node is reported here, after the message of a panic if there was one. All nodes share the module.
scope.addEventListener('unhandledrejection', (event) => member.fail(defect(event.reason)));
scope.postMessage({ type: 'ready' });
