// A worker of a tab that shares nodes with the other tabs: it connects the ports of its page with the nodes of the tab that leads,
// which may be itself.

import type { PlainError } from '../../shared/errors.js';
import type { FromWorker, ToWorker } from '../../shared/protocol.js';
import { Election } from './election.js';
import { Leading } from './leader.js';
import { nameOfTab, type Leader, type ToTab, type ToTabs } from './messages.js';
import type { TabPort } from './shared-node.js';

/** A port of this tab's page. */
interface PagePort {
  readonly key: string;
  readonly post: (message: FromWorker) => void;
  /** Where what the page sends goes; nowhere until a tab leads. */
  route: ((message: ToWorker) => void) | undefined;
  /** The leader whose messages are given to the page: until the node of a new one has started, what the one before has sent is not lost. */
  from: string | undefined;
  isStopped: boolean;
}

export class Member {
  readonly #id = `${Math.random().toString(36).slice(2)}${Date.now().toString(36)}`;
  readonly #script: string;
  readonly #locks: LockManager;
  readonly #all: BroadcastChannel;
  readonly #election: Election;
  readonly #ports = new Map<number, PagePort>();
  #lastPort = 0;
  #leading: Leading | undefined;

  /** `script`: tabs of the same script share nodes. */
  constructor(script: string, locks: LockManager) {
    this.#script = script;
    this.#locks = locks;
    this.#all = new BroadcastChannel(`petrel tabs of ${script}`);
    this.#all.onmessage = ({ data }: MessageEvent<ToTabs>) => this.#heard(data);
    const own = nameOfTab(script, this.#id);
    new BroadcastChannel(own).onmessage = ({ data }: MessageEvent<ToTab>) => this.#received(data);
    this.#election = new Election(this.#id, `petrel leader of ${script}`, {
      locks,
      say: (message) => this.#all.postMessage(message),
      lead: () => this.#lead(),
      resign: () => this.#resign(),
      follow: (leader) => this.#follow(leader),
    });
    // For as long as this worker lives: then it is granted to the leader.
    void locks.request(own, () => new Promise<never>(() => this.#election.begin()));
  }

  /** Opens a node of this key for a page of this tab. */
  open(port: MessagePort, key: string): void {
    const opened: PagePort = { key, post: (message) => port.postMessage(message), route: undefined, from: undefined, isStopped: false };
    this.#lastPort += 1;
    const at = this.#lastPort;
    this.#ports.set(at, opened);
    port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
      opened.route?.(data);
      if (data.type === 'stop') opened.isStopped = true;
    };
    const { leader } = this.#election;
    if (this.#leading) this.#routeHere(opened, this.#leading);
    else if (leader) this.#routeTo(opened, at, leader);
  }

  /** A defect of the module: all nodes that run here have failed. */
  fail(error: PlainError): void {
    this.#leading?.fail(error);
  }

  #heard(message: ToTabs): void {
    this.#election.heard(message);
    this.#leading?.heard(message);
  }

  #received({ from, port, message }: ToTab): void {
    const to = this.#ports.get(port);
    if (!to) return;
    if (from === this.#election.leader?.id && (message.type === 'started' || message.type === 'failed')) to.from = from;
    if (from === to.from) to.post(message);
  }

  #lead(): void {
    const leading = new Leading(this.#id, this.#script, this.#locks);
    this.#leading = leading;
    for (const [, port] of this.#running()) {
      this.#routeHere(port, leading);
      port.post({ type: 'restart' });
    }
  }

  #resign(): void {
    this.#leading?.end();
    this.#leading = undefined;
    this.#ports.forEach((port) => (port.route = undefined));
  }

  #running(): [number, PagePort][] {
    return [...this.#ports].filter(([, { isStopped }]) => !isStopped);
  }

  #follow(leader: Leader): void {
    for (const [at, port] of this.#running()) {
      this.#routeTo(port, at, leader);
      port.post({ type: 'restart' });
    }
  }

  #routeHere(port: PagePort, leading: Leading): void {
    const node: TabPort = leading.open(port.key, (message) => {
      if (message.type === 'started') port.from = this.#id;
      port.post(message);
    });
    port.route = node.receive;
  }

  #routeTo(port: PagePort, at: number, leader: Leader): void {
    const [to, tab] = [leader.id, this.#id];
    this.#all.postMessage({ type: 'open', to, tab, port: at, key: port.key } satisfies ToTabs);
    port.route = (message) => this.#all.postMessage({ type: 'page', to, tab, port: at, message } satisfies ToTabs);
  }
}
