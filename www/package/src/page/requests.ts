// Requests to the worker that wait for their answers.

interface Request<T> {
  resolve(answer: T): void;
  reject(error: unknown): void;
  send(id: number): void;
}

/** Waits for answers of one kind. Each request of the application waits for one answer, so the application bounds them. */
export class Requests<T> {
  readonly #waiting = new Map<number, Request<T>>();
  #last = 0;

  /** The answer to the request that `send` sends with this id. */
  ask(send: (id: number) => void): Promise<T> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, send });
      send(id);
    });
  }

  /** Sends those again that have no answer. */
  again(): void {
    for (const [id, { send }] of this.#waiting) send(id);
  }

  answered(id: number, answer: T): void {
    this.#take(id)?.resolve(answer);
  }

  refused(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  /** Settles each that waits. */
  end(settle: (request: Request<T>) => void): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    waiting.forEach(settle);
  }

  #take(id: number): Request<T> | undefined {
    const request = this.#waiting.get(id);
    this.#waiting.delete(id);
    return request;
  }
}
