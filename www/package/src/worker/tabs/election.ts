// Which tab leads where no worker is shared by tabs: the one that holds a lock (Web Locks). The lock of a tab that closes goes to another one
// at once. A tab that is frozen keeps its lock, so the leader says all the time that it lives, and the lock of a silent one is taken away.

import type { Leader, ToTabs } from './messages.js';

/** The leader says so many times a second that it leads, and is replaced when it was silent for so many of these beats. */
const BEAT = 150;
const SILENT_BEATS = 4;

export interface ElectionHost {
  readonly locks: LockManager;
  /** Says this to all other tabs. */
  say(message: ToTabs): void;
  /** This tab leads. */
  lead(): void;
  /** This tab led, and does not any more. */
  resign(): void;
  /** Another tab leads. */
  follow(leader: Leader): void;
}

export class Election {
  readonly #id: string;
  readonly #lock: string;
  readonly #host: ElectionHost;
  #leader: Leader | undefined;
  #isLeading = false;
  /** Beats without a word of the leader. They are counted, not time: this tab may have been frozen itself. */
  #silent = 0;
  /** Ends the request for the lock, or gives it back. */
  #withdraw = (): void => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Tabs that name the same lock elect one of them. */
  constructor(id: string, lock: string, host: ElectionHost) {
    this.#id = id;
    this.#lock = lock;
    this.#host = host;
  }

  begin(): void {
    this.#timer = setInterval(() => this.#beat(), BEAT);
    this.#host.say({ type: 'who' });
    this.#request(false);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#withdraw();
  }

  /** Who leads, as far as this tab knows. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  heard(message: ToTabs): void {
    if (message.type === 'who' && this.#isLeading) this.#say();
    if (message.type === 'leads') this.#heardLeader(message.leader);
  }

  #heardLeader(leader: Leader): void {
    const { term, id } = this.#leader ?? { term: -Infinity, id: '' };
    if (leader.id === id) this.#silent = 0;
    // One that was frozen may not know yet that another one has its place.
    if (leader.id === id || leader.term < term || (leader.term === term && leader.id < id)) return;
    const led = this.#isLeading;
    this.#leader = leader;
    this.#silent = 0;
    if (led) this.#resign();
    this.#host.follow(leader);
  }

  #beat(): void {
    if (this.#isLeading) return this.#say();
    this.#silent += 1;
    if (this.#silent < SILENT_BEATS) return;
    this.#silent = 0;
    this.#withdraw();
    this.#request(true);
  }

  #say(): void {
    if (this.#leader) this.#host.say({ type: 'leads', leader: this.#leader });
  }

  /** Waits for the lock, or takes it from whoever has it. */
  #request(steals: boolean): void {
    const waiting = new AbortController();
    this.#withdraw = () => waiting.abort();
    const hold = (): Promise<void> => {
      const held = new Promise<void>((resolve) => (this.#withdraw = resolve));
      this.#lead();
      return held;
    };
    const options: LockOptions = steals ? { steal: true } : { signal: waiting.signal };
    // The lock was taken away, or this tab took it from the one that it waited for.
    this.#host.locks.request(this.#lock, options, hold).catch(() => !waiting.signal.aborted && this.#isLeading && this.#resign());
  }

  #lead(): void {
    this.#isLeading = true;
    // A clock may have been set back.
    this.#leader = { term: Math.max(Date.now(), (this.#leader?.term ?? 0) + 1), id: this.#id };
    this.#say();
    this.#host.lead();
  }

  /** It waits for its turn again. */
  #resign(): void {
    this.#isLeading = false;
    this.#withdraw();
    this.#host.resign();
    this.#request(false);
  }
}
