// The WebAssembly module of `petrel/verify`: loaded at the first call, and again after a trap or when it has taken much memory.

import { PetrelError, isPlainError, text, type PlainError } from '../shared/errors.js';
import { instance, type Instance } from './petrel_verify.js';

interface Loaded extends Instance {
  readonly memory: WebAssembly.Memory;
}

/** Memory of the module beyond which it is not used again, bytes: its memory never shrinks. */
const KEPT_MEMORY = 32 * 2 ** 20;

let shared: Promise<Loaded> | undefined;

/** What a function of the module says, parsed. `file` is its URL, where it is not beside this script. */
export async function judge<Report extends object>(file: string | undefined, call: (judges: Instance) => string): Promise<Report> {
  const loading = (shared ??= load(file));
  const forget = (): void => {
    if (shared === loading) shared = undefined;
  };
  const loaded = await loading.catch((thrown: unknown) => {
    forget();
    throw notLoaded(thrown);
  });
  const report = parsed(loaded, call, forget);
  if (loaded.memory.buffer.byteLength > KEPT_MEMORY) forget();
  if ('error' in report && isPlainError(report.error)) throw new PetrelError(report.error);
  return report as Report;
}

function parsed(loaded: Loaded, call: (judges: Instance) => string, forget: () => void): object | { error: PlainError } {
  try {
    return JSON.parse(call(loaded)) as object;
  } catch (thrown) {
    forget();
    const message = `the judge failed because of a defect, or had no memory: ${text(thrown)}`;
    throw new PetrelError({ code: 'panic', message, remedy: 'the next call uses a new one; please report the message' });
  }
}

/** `fetch` of Node reads no files. */
async function load(given: string | undefined): Promise<Loaded> {
  const made = instance();
  const file = given === undefined ? new URL('./petrel_verify_bg.wasm', import.meta.url) : new URL(given, import.meta.url);
  if (file.protocol !== 'file:') return { ...made, memory: (await made.load({ module_or_path: file })).memory };
  const name = 'node:fs/promises';
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  return { ...made, memory: (await made.load({ module_or_path: await readFile(file) })).memory };
}

function notLoaded(thrown: unknown): PetrelError {
  return new PetrelError({
    code: typeof WebAssembly === 'undefined' ? 'no_wasm' : 'not_started',
    message: `the module of petrel/verify could not be loaded: ${text(thrown)}`,
    remedy: "serve petrel_verify_bg.wasm beside the package's scripts, or give its URL as `wasm`; allow 'wasm-unsafe-eval' in the page's CSP",
  });
}
