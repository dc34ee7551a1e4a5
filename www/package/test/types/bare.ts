// Neither `dom` nor the types of Node: options are still checked.

import { type NodeOptions } from 'petrel';

// @ts-expect-error An object that is no AbortSignal.
export const noSignal: NodeOptions = { signal: {} };
// @ts-expect-error A worker is no text.
export const noWorker: NodeOptions = { worker: () => 'worker.js' };
// @ts-expect-error Neither text nor a URL.
export const noUrl: NodeOptions = { wasm: 7 };
