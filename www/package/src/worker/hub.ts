// Nodes that the tabs of one origin share: one node for each key, as long as a tab has it open. Each tab has a port, and counts of its
// own: a tab that is frozen loses events (and is told how many), and delays no other.

import type { PlainError } from '../shared/errors.js';
import type { FollowerEvent } from '../shared/events.js';
import { WINDOW, type FromWorker, type ToWorker } from '../shared/protocol.js';
import type { Report } from '../shared/status.js';
import { serve, type Served } from './serve.js';

/** One tab's side of a shared node. */
interface Tab {
  readonly post: (message: FromWorker) => void;
  isStarted: boolean;
  unacknowledged: number;
  dropped: number;
}

/** What a tab does with its node. */
export interface TabPort {
  readonly receive: (message: ToWorker) => void;
  /** The tab is gone: nothing is sent to it any more. */
  readonly end: () => void;
}

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

class SharedNode {
  readonly #onEnd: () => void;
  readonly #served: Served;
  readonly #tabs = new Set<Tab>();
  /** Requests that the node has not answered: whose they are, and their id there. */
  readonly #asked = new Map<number, { readonly tab: Tab; readonly id: number }>();
  #lastId = 0;
  #state: 'new' | 'starting' | 'started' | 'ended' = 'new';
  #report: Report | undefined;
  /** The last head, for tabs that come later. */
  #head: FollowerEvent | undefined;

  constructor(serveNode: typeof serve, onEnd: () => void) {
    this.#served = serveNode((message) => this.#sent(message));
    this.#onEnd = onEnd;
  }

  open(post: (message: FromWorker) => void): TabPort {
    const tab: Tab = { post, isStarted: false, unacknowledged: 0, dropped: 0 };
    this.#tabs.add(tab);
    return { receive: (message) => this.#received(tab, message), end: () => this.#leave(tab) };
  }

  fail(error: PlainError): void {
    this.#served.fail(error);
  }

  #received(tab: Tab, message: ToWorker): void {
    if (!this.#tabs.has(tab)) return;
    switch (message.type) {
      case 'start':
        return this.#start(tab, message);
      case 'ack':
        tab.unacknowledged = Math.max(0, tab.unacknowledged - message.count);
        return;
      case 'stop':
        this.#served.receive({ type: 'report', id: 0 });
        this.#leave(tab);
        return tab.post({ type: 'stopped', report: this.#report ?? null });
      case 'report':
      case 'call':
        this.#lastId += 1;
        this.#asked.set(this.#lastId, { tab, id: message.id });
        return this.#served.receive({ ...message, id: this.#lastId });
      // The node asks no tab.
      case 'answer':
        return;
    }
  }

  /** The first tab's configuration starts the node; the key is made of it, so the others' are the same. */
  #start(tab: Tab, message: Extract<ToWorker, { type: 'start' }>): void {
    tab.isStarted = true;
    if (this.#state === 'new') {
      this.#state = 'starting';
      this.#served.receive(message);
    } else if (this.#state === 'started') {
      this.#served.receive({ type: 'report', id: 0 });
      this.#greet(tab);
    }
  }

  #greet(tab: Tab): void {
    if (this.#report) tab.post({ type: 'started', report: this.#report });
    if (this.#head) this.#send(tab, this.#head);
  }

  #sent(message: FromWorker): void {
    switch (message.type) {
      case 'event':
        this.#served.receive({ type: 'ack', count: 1 });
        if (message.event.event === 'head') this.#head = message.event;
        return this.#tabs.forEach((tab) => tab.isStarted && this.#send(tab, message.event));
      case 'started':
        [this.#state, this.#report] = ['started', message.report];
        return this.#tabs.forEach((tab) => tab.isStarted && this.#greet(tab));
      case 'report':
        this.#report = message.report;
        return this.#answered(message);
      case 'returned':
      case 'threw':
        return this.#answered(message);
      case 'stopped':
        return;
      case 'failed':
        this.#tabs.forEach((tab) => tab.post(message));
        return this.#end();
      // What is saved is the same for all tabs of an origin.
      case 'persist':
      case 'relays':
        return [...this.#tabs].find((tab) => tab.isStarted)?.post(message);
      // Any tab may be frozen or gone. `createPetrel` shares no node that has something to ask.
      case 'ask':
        return this.#served.receive({ type: 'answer', id: message.id, json: '', error: 'the node is shared by tabs, and asks none of them' });
    }
  }

  #answered(message: Extract<FromWorker, { readonly id: number }>): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    asked?.tab.post({ ...message, id: asked.id });
  }

  #send(tab: Tab, event: FollowerEvent): void {
    if (tab.unacknowledged >= WINDOW) {
      tab.dropped += 1;
      return;
    }
    tab.unacknowledged += 1;
    tab.post({ type: 'event', event, dropped: tab.dropped });
  }

  #leave(tab: Tab): void {
    if (!this.#tabs.delete(tab)) return;
    for (const [id, asked] of this.#asked) if (asked.tab === tab) this.#asked.delete(id);
    if (this.#tabs.size > 0 || this.#state === 'ended') return;
    this.#served.receive({ type: 'stop' });
    this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#tabs.clear();
    this.#asked.clear();
    this.#onEnd();
  }
}
