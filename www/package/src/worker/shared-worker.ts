// The script of the worker that the tabs of an origin share: runs one node for each chain and configuration, and gives each tab a port
// to it.

import { defect } from '../shared/errors.js';
import type { FromThread, ToSharedThread, ToWorker } from '../shared/protocol.js';
import { Hub } from './tabs/hub.js';

/** What this file needs of a shared worker's global scope. */
interface Scope {
  addEventListener(type: 'connect', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}

/**
 * A tab that says nothing for so many ticks of so many milliseconds is gone, or frozen: each says once a second that it is there, and once
 * a minute when it is hidden. Ticks are counted, not time, because a device may sleep between two of them. No lock says that a tab is
 * there: Firefox keeps no page in its back/forward cache that has one, or whose shared worker has one.
 */
const TICK = 10_000;
const SILENT_TICKS = 15;

const scope = self as unknown as Scope;
const hub = new Hub();
const tabs = new Set<ConnectedTab>();

class ConnectedTab {
  readonly #port: MessagePort;
  readonly #ends = new Set<() => void>();
  #silent = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<ToSharedThread>) => this.#received(data);
    // Not every browser says it.
    port.addEventListener('close', () => this.#left());
    tabs.add(this);
    this.#send({ type: 'ready' });
  }

  tick(): void {
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) this.#left();
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #received(message: ToSharedThread): void {
    if (message.type === 'gone') return this.#left();
    if (!tabs.has(this)) return this.#send({ type: 'forgotten' });
    this.#silent = 0;
    if (message.type === 'ping') return this.#send({ type: 'pong' });
    this.#open(message.port, message.key);
  }

  #open(port: MessagePort, key: string): void {
    const { receive, end } = hub.open(key, (message) => port.postMessage(message));
    port.onmessage = (event: MessageEvent<ToWorker>) => {
      receive(event.data);
      if (event.data.type === 'stop') this.#ends.delete(end);
    };
    this.#ends.add(end);
  }

  #left(): void {
    tabs.delete(this);
    this.#ends.forEach((end) => end());
    this.#ends.clear();
  }
}

setInterval(() => tabs.forEach((tab) => tab.tick()), TICK);
scope.addEventListener('connect', ({ ports: [port] }) => port && new ConnectedTab(port));
// A trap inside a task of a node is reported here, after the message of a panic if there was one. All nodes share the module.
scope.addEventListener('unhandledrejection', (event) => hub.fail(defect(event.reason)));
