// A worker that is a script of a test: it takes the place of `worker/worker.js`, and a node of it that of `worker/serve.ts`.

/** What a started node reports. */
export const REPORT = { state: 'live', reason: null, peers: [], chain: { id: 10, name: 'OP Mainnet' } };

/**
 * A worker that answers by `answer` alone: messages for each message that a node gets. It sends `ready` first if `isReady`, and answers
 * `ping` if `pongs`.
 */
export class FakeWorker {
  /** What the worker got, and what its nodes got. */
  sent = [];
  /** Of its nodes, in order. */
  ports = [];
  terminated = false;
  #listener = null;
  #isReady;

  constructor(isReady, answer = () => [], pongs = false) {
    this.#isReady = isReady;
    Object.assign(this, { answer, pongs });
  }

  set onmessage(listener) {
    this.#listener = listener;
    if (this.#isReady && listener) setImmediate(() => this.#own({ type: 'ready' }));
  }

  #own(data) {
    this.#listener?.({ data });
  }

  postMessage(message) {
    this.sent.push(message);
    if (message.type === 'ping' && this.pongs) queueMicrotask(() => this.#own({ type: 'pong' }));
    if (message.type === 'open') this.#open(message.port);
  }

  #open(port) {
    const at = this.ports.push(port) - 1;
    port.onmessage = ({ data }) => {
      this.sent.push(data);
      for (const answer of this.answer(data, at)) this.post(answer, at);
    };
  }

  /** Sends a message of a node to its page. */
  post(message, at = 0) {
    this.ports[at].postMessage(message);
  }

  terminate() {
    this.terminated = true;
    this.ports.forEach((port) => port.close());
  }
}

/** Lets messages arrive. */
export async function turns() {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
