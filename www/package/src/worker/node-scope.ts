// The script of a worker thread of Node: gives the thread's global scope the names that a web worker's has, then runs the worker's script.

interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (data: unknown) => void): void;
}

type Listener = (event: { readonly data?: unknown; readonly reason?: unknown }) => void;

const name = 'node:worker_threads';
const { parentPort: page } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { readonly parentPort: Port };
const { process } = globalThis as unknown as {
  readonly process: { on(event: 'unhandledRejection', listener: (reason: unknown) => void): void };
};

const listeners: Readonly<Record<string, (listener: Listener) => void>> = {
  message: (listener) => page.on('message', (data) => listener({ data })),
  unhandledrejection: (listener) => process.on('unhandledRejection', (reason) => listener({ reason })),
};

Object.assign(globalThis, {
  self: globalThis,
  postMessage: (message: unknown) => page.postMessage(message),
  addEventListener: (type: string, listener: Listener) => listeners[type]?.(listener),
});
await import('./worker.js');

export {};
