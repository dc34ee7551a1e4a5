// A browser's dedicated worker made of a thread of Node: it runs the package's own script, `worker/worker.js`.

import { Worker } from 'node:worker_threads';

import { packageDist } from '../../folders.js';

/** The names that a worker's global scope has in a browser. */
const SCOPE = `
  import { parentPort, workerData } from 'node:worker_threads';
  const listeners = {
    message: (listener) => parentPort.on('message', (data) => listener({ data })),
    unhandledrejection: (listener) => process.on('unhandledRejection', (reason) => listener({ reason })),
  };
  Object.assign(globalThis, {
    self: globalThis,
    postMessage: (message) => parentPort.postMessage(message),
    addEventListener: (type, listener) => listeners[type](listener),
  });
  await import(workerData);
`;

export class ThreadWorker {
  onmessage = null;
  onerror = null;
  #thread;

  constructor() {
    const url = new URL(`data:text/javascript,${encodeURIComponent(SCOPE)}`);
    this.#thread = new Worker(url, { workerData: new URL('worker/worker.js', packageDist).href });
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    this.#thread.on('error', (error) => this.onerror?.({ message: error.message, preventDefault: () => {} }));
    /** Resolves when the thread has ended. */
    this.ended = new Promise((resolve) => this.#thread.on('exit', resolve));
  }

  postMessage(message, transfer) {
    this.#thread.postMessage(message, transfer);
  }

  terminate() {
    void this.#thread.terminate();
  }
}
