// The port of one node: the same for the page when its worker is replaced by another one.

import { defect } from '../shared/errors.js';
import type { FromWorker, ToWorker } from '../shared/protocol.js';
import type { Receive } from './thread.js';
import type { Script } from './worker-script.js';

export class ThreadPort {
  readonly receive: Receive;
  readonly #key: string;
  readonly #heard: () => void;
  #port: MessagePort | undefined;

  /** `heard` is called for each message of the worker. */
  constructor(receive: Receive, key: string, heard: () => void) {
    this.receive = receive;
    this.#key = key;
    this.#heard = heard;
  }

  /** Opens a port to the node of this worker. */
  connect(script: Script): void {
    const { port1: port, port2: other } = new MessageChannel();
    port.onmessage = (event: MessageEvent<FromWorker>) => {
      this.#heard();
      this.receive(event.data);
    };
    port.onmessageerror = () => this.receive({ type: 'failed', error: defect('a message cannot be read') });
    this.#port = port;
    script.open(other, this.#key);
  }

  /** A message is lost while there is no worker: who restarts the node knows what it was. */
  send(message: ToWorker): void {
    this.#port?.postMessage(message);
  }

  disconnect(): void {
    const port = this.#port;
    if (!port) return;
    [port.onmessage, port.onmessageerror] = [null, null];
    port.close();
    this.#port = undefined;
  }
}
