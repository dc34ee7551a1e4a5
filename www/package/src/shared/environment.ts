// The types of the environment that the package's own types name: those of the app's `lib` or of its `@types`, and where it has neither
// (`lib` without `dom`, no types of Node) what the package uses of them. `build/types.js` makes the published types import them.

/** The type that the environment has for this global, or `Used`. */
type Own<Name extends string, Used> = typeof globalThis extends { readonly [K in Name]: { readonly prototype: infer T } } ? T : Used;

type Listener = (event: never) => void;

export type AbortSignal = Own<
  'AbortSignal',
  {
    readonly aborted: boolean;
    readonly reason: unknown;
    throwIfAborted(): void;
    addEventListener(type: 'abort', listener: Listener, options?: { readonly once?: boolean }): void;
    removeEventListener(type: 'abort', listener: Listener): void;
  }
>;

export type URL = Own<'URL', { readonly href: string; readonly protocol: string; readonly host: string; toString(): string }>;

export type MessagePort = Own<'MessagePort', { postMessage(message: unknown): void; close(): void }>;

/** A `Worker` of `node:worker_threads`, as far as it is used. */
export interface NodeWorker {
  on(event: string, listener: (value: unknown) => void): unknown;
  postMessage(message: unknown, transfer: readonly never[]): void;
  terminate(): unknown;
}

/** A web worker. */
export type Worker = Own<
  'Worker',
  {
    onmessage: Listener | null;
    onmessageerror: Listener | null;
    onerror: Listener | null;
    postMessage(message: unknown, transfer: MessagePort[]): void;
    terminate(): void;
  }
>;
