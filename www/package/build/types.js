// Makes the published types sufficient in themselves: an app may have neither `dom` in its `lib` nor the types of Node, and a compiler
// that checks the types of libraries too (`skipLibCheck: false`) refuses a global that it does not know.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The module that has such types, and what it has. */
const MODULE = 'shared/environment';
const NAMES = ['AbortSignal', 'MessagePort', 'URL', 'Worker'];
/** What only `esnext.disposable` has: types of what `await using` needs. */
const DISPOSABLE = /\bAsyncDisposable\b|\bSymbol\.asyncDispose\b/;

/** The types of a file, with what they take from the environment. `path` is relative to the folder of the build. */
export function selfSufficient(types, path) {
  if (path === `${MODULE}.d.ts`) return types;
  const code = types.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const names = NAMES.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  const folder = relative(join('/', path, '..'), join('/', MODULE));
  const from = folder.startsWith('.') ? folder : `./${folder}`;
  const reference = DISPOSABLE.test(code) ? '/// <reference lib="esnext.disposable" />\n' : '';
  const imported = names.length > 0 ? `import type { ${names.join(', ')} } from '${from}.js';\n` : '';
  return reference + imported + types;
}

/** Changes the types of the whole build. The parts in which wasm-bindgen's types are have no types of their own in `exports`. */
export async function writeTypes(dist) {
  const files = await readdir(dist, { recursive: true });
  for (const path of files.filter((file) => file.endsWith('.d.ts') && !/petrel_(wasm|verify)\.d\.ts$/.test(file))) {
    const file = join(fileURLToPath(dist), path);
    await writeFile(file, selfSufficient(await readFile(file, 'utf8'), path));
  }
}
