// The WebAssembly module: loaded once for all followers of a thread, and again for those that start after a trap.

import { instance, type Instance } from './petrel_wasm.js';

/** A loaded module. */
export interface Module extends Instance {
  readonly memory: WebAssembly.Memory;
  /** Called at a trap, which ends all followers of this module. */
  readonly onTrap: Set<(thrown: unknown) => void>;
}

/** What later followers share. */
let shared: Promise<Module> | undefined;

/** Loads the module of this URL, or the package's own, unless one is loaded. Rejects when it cannot be loaded. */
export function loadModule(file: string | undefined): Promise<Module> {
  if (shared) return shared;
  const onTrap: Module['onTrap'] = new Set();
  const forget = (): void => {
    if (shared === loading) shared = undefined;
  };
  const made = instance((thrown) => {
    forget();
    for (const listener of [...onTrap]) listener(thrown);
  });
  const loading = memoryOf(made, file).then((memory) => ({ ...made, memory, onTrap }));
  shared = loading;
  loading.catch(forget);
  return loading;
}

/** Loads the module; its memory. `fetch` of Node reads no files. */
async function memoryOf({ load }: Instance, given: string | undefined): Promise<WebAssembly.Memory> {
  // Bundlers take a `new URL()` of `import.meta.url` itself for a file of the package.
  const here = import.meta.url;
  const file = given === undefined ? new URL('./petrel_wasm_bg.wasm', import.meta.url) : new URL(given, here);
  if (file.protocol !== 'file:') {
    return (await load({ module_or_path: file })).memory;
  }
  const name = 'node:fs/promises';
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  return (await load({ module_or_path: await readFile(file) })).memory;
}
