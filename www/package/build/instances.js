// Makes of wasm-bindgen's output a module whose function `instance` gives a WebAssembly instance with a state of its own. wasm-bindgen
// keeps one instance for each script: after a trap its state is undefined, and no later follower of the thread could start.

const GUARD = "import { guarded } from './guard.js';\n";

/** Each text that is replaced, and what replaces it. One that is not there means that wasm-bindgen has changed. */
const SCRIPT = [
  [/^export (class|function) /gm, '$1 '],
  [/\bwasm = instance\.exports;/, 'wasm = guarded(instance.exports, onTrap);'],
];
/** Where the script exports its functions for loading. */
const EXPORTS = /^export \{ initSync, __wbg_init as default \};$/m;
const TYPES = [[/^export (default )?(class|function) /gm, 'declare $2 ']];

const instanceType = (names) => `
/** A WebAssembly instance with a state of its own. */
export interface Instance {
${names.map((name) => `  readonly ${name}: typeof ${name};\n`).join('')}  readonly load: typeof __wbg_init;
}

/** \`onTrap\` is called when a call into the module throws: its state is undefined then, and later calls do nothing. */
export function instance(onTrap: (thrown: unknown) => void): Instance;

export type { Client };
`;

/** The script that wasm-bindgen wrote, as a function that makes instances. */
export function instances(script) {
  const returns = [EXPORTS, `return { ${exported(script).join(', ')}, load: __wbg_init };`];
  return `${GUARD}export function instance(onTrap) {\n${replaced(script, [returns, ...SCRIPT])}\n}\n`;
}

/** The types of that script. */
export function instanceTypes(types) {
  return replaced(types, TYPES) + instanceType(exported(types));
}

/** The names of the crate's own classes and functions. */
function exported(text) {
  const names = [...text.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  return names.filter((name) => name !== 'initSync');
}

export function replaced(text, pairs) {
  return pairs.reduce((text, [from, to]) => {
    if (text.search(from) < 0) throw new Error(`the output of wasm-bindgen has no ${from}`);
    return text.replace(from, to);
  }, text);
}
