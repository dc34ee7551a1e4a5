// Neither `dom` nor the types of Node: options are still checked.

import { type NodeOptions } from 'petrel';

// @ts-expect-error An object that is no AbortSignal.
export const noSignal: NodeOptions = { signal: {} };
// @ts-expect-error A worker is no text.
export const noWorker: NodeOptions = { worker: () => 'worker.js' };
// @ts-expect-error Neither text nor a URL.
export const noUrl: NodeOptions = { wasm: 7 };

/** As `@types/node` has it. */
declare class ThreadWorker {
  postMessage(value: any, transferList?: readonly object[]): void;
  terminate(): Promise<number>;
  on(event: 'error', listener: (err: Error) => void): this;
  on(event: 'exit', listener: (exitCode: number) => void): this;
  on(event: 'message', listener: (value: any) => void): this;
  on(event: string | symbol, listener: (...args: any[]) => void): this;
}

export const thread: NodeOptions = { worker: () => new ThreadWorker() };
