import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

import { isTest, packageDist, pageDist } from '../folders.js';

/** The chains in a folder of their own: a page loads at most one of them, and `cargo xtask size` counts one. */
function chunkFileNames({ facadeModuleId }) {
  const isChain = /\/page\/chains\/(?!index)/.test(facadeModuleId ?? '');
  return isChain ? 'assets/chains/[name]-[hash].js' : 'assets/[name]-[hash].js';
}

/** `petrel` is the package beside the page, found by its manifest, which names the real build only. */
const alias = isTest ? { petrel: fileURLToPath(new URL('page/index.js', packageDist)) } : {};

// The daemon serves the result from any path; nothing is inlined, so that one `.wasm` is one download.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { alias },
  build: {
    outDir: fileURLToPath(pageDist),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { chunkFileNames } },
  },
  worker: { format: 'es' },
});
