// Puts what wasm-bindgen made beside the compiled TypeScript, where its imports expect it, and the licence.
import { copyFile } from 'node:fs/promises';

for (const name of ['petrel_wasm.js', 'petrel_wasm.d.ts', 'petrel_wasm_bg.wasm']) {
  const from = new URL(`../pkg/${name}`, import.meta.url);
  await copyFile(from, new URL(`../dist/package/${name}`, import.meta.url));
}
await copyFile(new URL('../../LICENSE', import.meta.url), new URL('../dist/package/LICENSE', import.meta.url));
