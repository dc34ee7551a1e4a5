// Makes of wasm-bindgen's output for `petrel/verify` a module whose function `instance` gives a WebAssembly instance with a state of its
// own, so that a new one can be used after a trap.

import { replaced } from './instances.js';

/** Each text that is replaced, and what replaces it. */
const SCRIPT = [
  [/^export function /gm, 'function '],
  [/^export \{ initSync, __wbg_init as default \};$/m, 'return { judgeMessage, judgeEvidence, load: __wbg_init };'],
];
const TYPES = [[/^export (default )?function /gm, 'declare function ']];

const INSTANCE = `
/** A WebAssembly instance with a state of its own. */
export interface Instance {
  readonly judgeMessage: typeof judgeMessage;
  readonly judgeEvidence: typeof judgeEvidence;
  readonly load: typeof __wbg_init;
}

export function instance(): Instance;
`;

/** The script that wasm-bindgen wrote, as a function that makes instances. */
export function judges(script) {
  return `export function instance() {\n${replaced(script, SCRIPT)}\n}\n`;
}

/** The types of that script. */
export function judgeTypes(types) {
  return replaced(types, TYPES) + INSTANCE;
}
