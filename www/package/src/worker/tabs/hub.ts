// Nodes that the tabs of one origin share: one node for each key, as long as a tab has it open. Each tab has a port, and counts of its
// own: a tab that is frozen loses events (and is told how many), and delays no other.

import type { PlainError } from '../../shared/errors.js';
import type { FromWorker } from '../../shared/protocol.js';
import { serve } from '../serve.js';
import { SharedNode, type TabPort } from './shared-node.js';

export class Hub {
  readonly #serve: typeof serve;
  readonly #nodes = new Map<string, SharedNode>();

  constructor(serveNode = serve) {
    this.#serve = serveNode;
  }

  /** Opens the node of this key for a tab, which `post` sends to. */
  open(key: string, post: (message: FromWorker) => void): TabPort {
    const found = this.#nodes.get(key);
    const node: SharedNode = found ?? new SharedNode(this.#serve, () => this.#nodes.get(key) === node && this.#nodes.delete(key));
    this.#nodes.set(key, node);
    return node.open(post);
  }

  /** Ends all nodes with this error. */
  fail(error: PlainError): void {
    for (const node of [...this.#nodes.values()]) node.fail(error);
  }

  /** How many nodes run. */
  get size(): number {
    return this.#nodes.size;
  }
}
