import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

import { isTest, packageDist, pageDist } from '../folders.js';

/**
 * What a first visit does not load is in folders of its own: of the chains a page loads at most one, and the judge of evidence when a
 * file is given. `cargo xtask size` counts by these folders.
 */
function chunkFileNames({ facadeModuleId }) {
  const isChain = /\/page\/chains\/(?!index)/.test(facadeModuleId ?? '');
  const isJudge = /\/verify\/index\.js$/.test(facadeModuleId ?? '');
  return `assets/${isChain ? 'chains/' : isJudge ? 'verify/' : ''}[name]-[hash].js`;
}

function assetFileNames({ names = [] }) {
  return `assets/${names.includes('petrel_verify_bg.wasm') ? 'verify/' : ''}[name]-[hash][extname]`;
}

/** `petrel` is the package beside the page, found by its manifest, which names the real build only. */
const inTests = (name, file) => ({ find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(file, packageDist)) });
const alias = isTest ? [inTests('petrel', 'page/index.js'), inTests('petrel/verify', 'verify/index.js')] : [];

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
    rolldownOptions: { output: { chunkFileNames, assetFileNames } },
  },
  worker: { format: 'es' },
});
