import { defineConfig } from 'vite';

/** The chains apart from all else: a visit loads one of them at most, and `cargo xtask size` counts it so. */
function chunkFileNames({ facadeModuleId }) {
  const isChain = /\/package\/chains\/(?!index)/.test(facadeModuleId ?? '');
  return isChain ? 'assets/chains/[name]-[hash].js' : 'assets/[name]-[hash].js';
}

// The daemon serves the result from any path; nothing is inlined, so that one `.wasm` is one download.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { chunkFileNames } },
  },
  worker: { format: 'es' },
});
