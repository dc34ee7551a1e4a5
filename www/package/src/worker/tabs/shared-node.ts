// One node that several tabs use.

import type { PlainError } from '../../shared/errors.js';
import type { FollowerEvent } from '../../shared/events.js';
import { WINDOW, type FromWorker, type KnownBlock, type ToWorker } from '../../shared/protocol.js';
import type { Report } from '../../shared/status.js';
import { History } from './history.js';
import type { serve, Served } from '../serve.js';

/** A tab that has not acknowledged this many events is frozen, or may be: it saves nothing for the others. */
const BEHIND = 64;

/** One tab's side of a shared node. */
interface Tab {
  readonly post: (message: FromWorker) => void;
  isStarted: boolean;
  /** The newest block that it knew when it started. */
  since: KnownBlock | null;
  unacknowledged: number;
  dropped: number;
}

/** What a tab does with its node. */
export interface TabPort {
  readonly receive: (message: ToWorker) => void;
  /** The tab is gone: nothing is sent to it any more. */
  readonly end: () => void;
}

export class SharedNode {
  readonly #onEnd: () => void;
  readonly #served: Served;
  readonly #tabs = new Set<Tab>();
  /** Requests that the node has not answered: whose they are, and their id there. */
  readonly #asked = new Map<number, { readonly tab: Tab; readonly id: number }>();
  #lastId = 0;
  #state: 'new' | 'starting' | 'started' | 'ended' = 'new';
  #report: Report | undefined;
  /** For tabs that come later, or again. */
  readonly #history = new History();

  constructor(serveNode: typeof serve, onEnd: () => void) {
    this.#served = serveNode((message) => this.#sent(message));
    this.#onEnd = onEnd;
  }

  open(post: (message: FromWorker) => void): TabPort {
    const tab: Tab = { post, isStarted: false, since: null, unacknowledged: 0, dropped: 0 };
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
    [tab.isStarted, tab.since] = [true, message.since];
    if (this.#state === 'new') {
      this.#state = 'starting';
      this.#history.restore(message.config);
      this.#served.receive(message);
    } else if (this.#state === 'started') {
      this.#served.receive({ type: 'report', id: 0 });
      this.#greet(tab);
    }
  }

  #greet(tab: Tab): void {
    if (this.#report) tab.post({ type: 'started', report: this.#report });
    for (const event of this.#history.since(tab.since)) this.#send(tab, event);
  }

  #sent(message: FromWorker): void {
    switch (message.type) {
      case 'event':
        this.#served.receive({ type: 'ack', count: 1 });
        this.#history.add(message.event);
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
        return this.#saving()?.post(message);
      // Any tab may be frozen or gone. `createPetrel` shares no node that has something to ask.
      case 'ask':
        return this.#served.receive({ type: 'answer', id: message.id, json: '', error: 'the node is shared by tabs, and asks none of them' });
    }
  }

  #saving(): Tab | undefined {
    return [...this.#tabs].find(({ isStarted, unacknowledged }) => isStarted && unacknowledged < BEHIND);
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
