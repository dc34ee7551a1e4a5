// A worker, and whether it still answers. It is ended when the browser keeps the page in its back/forward cache, where no connection may
// be open, and started again when the page comes back. A shared one is started again when it is gone: its process may be that of another tab.

import { defect, text, type PlainError } from '../shared/errors.js';
import type { FromThread } from '../shared/protocol.js';
import type { Port, Receive, Thread } from './thread.js';
import { ThreadPort } from './thread-port.js';
import type { Script } from './worker-script.js';

/**
 * A worker that sends nothing for this many ticks of so many milliseconds, although it was asked in each of them, has ended or hangs: no
 * browser tells a page that it ended a worker. Ticks are counted, not time, because a device may sleep between two of them. The longest
 * task of a worker is the check of a 10 MiB block, a second on a slow phone.
 */
const TICK = 1_000;
const SILENT_TICKS = 20;
/**
 * A worker that outlives this tab is asked more often, and a silent one is connected to again after so many ticks: it is started again if it
 * is gone, and nothing is lost if it lives. Any other would end by it, although it may only be busy.
 */
const SHARED_TICK = 250;
const RECONNECT_TICKS = [3, 8, 20, 40];

export class WorkerThread implements Thread {
  readonly kind: 'worker' | 'shared';
  readonly reason = null;
  readonly #make: () => Script;
  #script: Script;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The open ones. */
  readonly #ports = new Set<ThreadPort>();
  #isReady = false;
  #isSuspended = false;
  /** Ticks since the last message. */
  #silent = 0;
  #failure: PlainError | undefined;
  #onReady: (reason: string | null) => void = () => {};
  readonly #hide = (): void => this.#suspend();
  readonly #show = (): void => this.#resume();

  /** Throws what `make` throws. */
  constructor(make: () => Script) {
    this.#make = make;
    this.#script = make();
    this.kind = this.#script.kind;
    // Node has no page and no such events.
    if (typeof addEventListener !== 'function') return;
    addEventListener('pagehide', this.#hide);
    addEventListener('pageshow', this.#show);
  }

  /** `null` when the script listens; why it could not be loaded, as text. */
  listening(): Promise<string | null> {
    this.#listen();
    return new Promise((resolve) => (this.#onReady = resolve));
  }

  open(receive: Receive, key: string): Port {
    const port = new ThreadPort(receive, key, () => (this.#silent = 0));
    const failure = this.#failure;
    if (failure) queueMicrotask(() => receive({ type: 'failed', error: failure }));
    this.#ports.add(port);
    if (!this.#isSuspended) port.connect(this.#script);
    const end = (): void => {
      this.#ports.delete(port);
      port.disconnect();
    };
    return { send: (message) => port.send(message), end };
  }

  #listen(): void {
    this.#timer = setInterval(() => this.#tick(), this.#script.outlivesTab ? SHARED_TICK : TICK);
    this.#script.listen({
      received: (message) => this.#received(message),
      failed: (message) => this.#failed(defect(message), "the worker's script could not be loaded"),
      gone: () => this.#reconnect(),
    });
  }

  /** The page is being closed, or is kept by the browser. */
  #suspend(): void {
    if (this.#isSuspended || this.#failure) return;
    this.#isSuspended = true;
    this.#disconnect();
  }

  #disconnect(): void {
    this.#endScript();
    for (const port of this.#ports) port.disconnect();
  }

  /** The page that the browser kept is shown again. */
  #resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    this.#silent = 0;
    this.#startAgain();
  }

  /** The shared worker is gone, as the tab in whose process it ran, or seems to be. */
  #reconnect(): void {
    this.#disconnect();
    this.#startAgain();
  }

  #startAgain(): void {
    try {
      this.#script = this.#make();
    } catch (thrown) {
      return this.#failed(defect(text(thrown)), 'this page may not start a worker');
    }
    this.#listen();
    for (const port of this.#ports) {
      port.connect(this.#script);
      port.receive({ type: 'restart' });
    }
  }

  #received(message: FromThread): void {
    this.#silent = 0;
    if (message.type === 'forgotten') return this.#reconnect();
    if (message.type === 'pong') return;
    this.#isReady = true;
    this.#onReady(null);
  }

  #tick(): void {
    this.#silent += 1;
    const { outlivesTab } = this.#script;
    const longest = outlivesTab ? (SILENT_TICKS * TICK) / SHARED_TICK : SILENT_TICKS;
    if (this.#silent > longest) this.#failed(noAnswer(), 'the worker does not answer');
    else if (this.#isReady && outlivesTab && RECONNECT_TICKS.includes(this.#silent)) this.#reconnect();
    else if (this.#isReady) this.#script.ping();
  }

  /** `error` for nodes that run; `reason` when the script does not listen yet. */
  #failed(error: PlainError, reason: string): void {
    this.end();
    this.#failure = error;
    if (!this.#isReady) this.#onReady(reason);
    for (const { receive } of [...this.#ports]) receive({ type: 'failed', error });
  }

  end(): void {
    if (typeof removeEventListener === 'function') {
      removeEventListener('pagehide', this.#hide);
      removeEventListener('pageshow', this.#show);
    }
    this.#endScript();
  }

  #endScript(): void {
    clearInterval(this.#timer);
    this.#script.end();
  }
}

function noAnswer(): PlainError {
  return {
    code: 'no_answer',
    message: `the worker of the node has not answered for ${(SILENT_TICKS * TICK) / 1000} s: it was ended, or it hangs`,
    remedy: 'create a new follower',
  };
}
