// Questions of the worker to the page: each is answered once, or after a time rejected. What waits is bounded by who asks.

import { L1_TIMEOUT, type L1Question } from '../shared/l1.js';
import type { FromWorker, ToWorker } from '../shared/protocol.js';

interface Waiting {
  resolve(json: string): void;
  reject(error: unknown): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Questions {
  readonly #post: (message: FromWorker) => void;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** The page's answer: JSON. Rejects with what the page says, or when it does not answer in time. */
  ask(question: L1Question): Promise<string> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      const late = (): void => this.#take(id)?.reject(new Error(`no answer within ${L1_TIMEOUT / 1000} s`));
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, L1_TIMEOUT) });
      this.#post({ type: 'ask', id, question });
    });
  }

  /** A late answer, or one that nobody asked for, changes nothing. */
  answered({ id, json, error }: Extract<ToWorker, { type: 'answer' }>): void {
    const waiting = this.#take(id);
    if (error === null) waiting?.resolve(json);
    else waiting?.reject(new Error(error));
  }

  /** What waits is never answered. */
  end(): void {
    for (const id of [...this.#waiting.keys()]) this.#take(id);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}
