// Guards the event loop against the WebAssembly module: a trap in a task of the node (a panic, no memory, a stack that is too deep)
// would be an uncaught exception, which ends a Node process.

type Call = (...values: unknown[]) => unknown;

/** How wasm-bindgen names the exports by which timers, microtasks and event handlers call the module. */
const CLOSURE = /closure/;

/**
 * The exports of a module. `onTrap` is called for the first call that throws; what called it gets the exception too, unless that is the
 * event loop. The state of the module is undefined then: later calls do nothing.
 */
export function guarded(exports: WebAssembly.Exports, onTrap: (thrown: unknown) => void): WebAssembly.Exports {
  let trapped = false;
  const guard =
    (name: string, call: Call): Call =>
    (...values) => {
      if (trapped) return undefined;
      try {
        return call(...values);
      } catch (thrown) {
        trapped = true;
        onTrap(thrown);
        if (!CLOSURE.test(name)) throw thrown;
        return undefined;
      }
    };
  const entries = Object.entries(exports).map(([name, value]) => [name, typeof value === 'function' ? guard(name, value as Call) : value]);
  return Object.fromEntries(entries) as WebAssembly.Exports;
}
