// The worker of the tab that leads: it runs the nodes, and serves the pages of all tabs.

import type { PlainError } from '../../shared/errors.js';
import type { FromWorker } from '../../shared/protocol.js';
import { whenGone } from './gone.js';
import { Hub } from './hub.js';
import { nameOfTab, type ToTab, type ToTabs } from './messages.js';
import type { TabPort } from './shared-node.js';

/** Another tab. */
interface Tab {
  readonly channel: BroadcastChannel;
  readonly ports: Map<number, TabPort>;
}

export class Leading {
  readonly #id: string;
  readonly #script: string;
  readonly #locks: LockManager;
  readonly #hub = new Hub();
  readonly #tabs = new Map<string, Tab>();
  /** Of this tab itself. */
  readonly #own = new Set<TabPort>();

  constructor(id: string, script: string, locks: LockManager) {
    this.#id = id;
    this.#locks = locks;
    this.#script = script;
  }

  /** Serves a page of this tab. */
  open(key: string, post: (message: FromWorker) => void): TabPort {
    const port = this.#hub.open(key, post);
    this.#own.add(port);
    return port;
  }

  /** Serves the pages of other tabs. */
  heard(message: ToTabs): void {
    if (message.type !== 'open' && message.type !== 'page') return;
    if (message.to !== this.#id) return;
    if (message.type === 'page') this.#tabs.get(message.tab)?.ports.get(message.port)?.receive(message.message);
    else this.#openFor(message.tab, message.port, message.key);
  }

  #openFor(name: string, port: number, key: string): void {
    const tab = this.#tabs.get(name) ?? this.#met(name);
    tab.ports.get(port)?.end();
    const post = (message: FromWorker): void => tab.channel.postMessage({ from: this.#id, port, message } satisfies ToTab);
    tab.ports.set(port, this.#hub.open(key, post));
  }

  #met(name: string): Tab {
    const lock = nameOfTab(this.#script, name);
    const tab = { channel: new BroadcastChannel(lock), ports: new Map<number, TabPort>() };
    this.#tabs.set(name, tab);
    whenGone(this.#locks, lock, () => this.#left(name, tab));
    return tab;
  }

  #left(name: string, { channel, ports }: Tab): void {
    this.#tabs.delete(name);
    ports.forEach(({ end }) => end());
    channel.close();
  }

  fail(error: PlainError): void {
    this.#hub.fail(error);
  }

  /** Ends all nodes. */
  end(): void {
    for (const [name, tab] of [...this.#tabs]) this.#left(name, tab);
    this.#own.forEach(({ end }) => end());
  }
}
