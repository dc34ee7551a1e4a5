// A worker, and whether it still answers.

import { defect, type PlainError } from '../shared/errors.js';
import type { FromThread, FromWorker } from '../shared/protocol.js';
import type { Port, Receive, Thread } from './thread.js';
import type { Script } from './worker-script.js';

/**
 * A worker that sends nothing for this many ticks of so many milliseconds, although it was asked in each of them, has ended or hangs: no
 * browser tells a page that it ended a worker. Ticks are counted, not time, because a device may sleep between two of them. The longest
 * task of a worker is the check of a 10 MiB block, a second on a slow phone.
 */
const TICK = 1_000;
const SILENT_TICKS = 20;

export class WorkerThread implements Thread {
  readonly kind: 'worker' | 'shared';
  readonly reason = null;
  readonly #script: Script;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Of the open ports. */
  readonly #receivers = new Set<Receive>();
  #isReady = false;
  /** Ticks since the last message. */
  #silent = 0;
  #failure: PlainError | undefined;
  #onReady: (reason: string | null) => void = () => {};

  constructor(script: Script) {
    this.#script = script;
    this.kind = script.kind;
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** `null` when the script listens; why it could not be loaded, as text. */
  listening(): Promise<string | null> {
    this.#script.listen({
      received: (message) => this.#received(message),
      failed: (message) => this.#failed(defect(message), "the worker's script could not be loaded"),
    });
    return new Promise((resolve) => (this.#onReady = resolve));
  }

  open(receive: Receive, key: string): Port {
    const { port1: port, port2: other } = new MessageChannel();
    const end = (): void => {
      this.#receivers.delete(receive);
      [port.onmessage, port.onmessageerror] = [null, null];
      port.close();
    };
    const failure = this.#failure;
    if (failure) queueMicrotask(() => receive({ type: 'failed', error: failure }));
    this.#receivers.add(receive);
    port.onmessage = (event: MessageEvent<FromWorker>) => {
      this.#silent = 0;
      receive(event.data);
    };
    port.onmessageerror = () => receive({ type: 'failed', error: defect('a message cannot be read') });
    this.#script.open(other, key);
    return { send: (message) => port.postMessage(message), end };
  }

  #received(message: FromThread): void {
    this.#silent = 0;
    if (message.type === 'pong') return;
    this.#isReady = true;
    this.#onReady(null);
  }

  #tick(): void {
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) this.#failed(noAnswer(), 'the worker does not answer');
    else if (this.#isReady) this.#script.ping();
  }

  /** `error` for nodes that run; `reason` when the script does not listen yet. */
  #failed(error: PlainError, reason: string): void {
    this.end();
    this.#failure = error;
    if (!this.#isReady) this.#onReady(reason);
    for (const receive of [...this.#receivers]) receive({ type: 'failed', error });
  }

  end(): void {
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
