import { defineConfig } from 'vite';

// The daemon serves the result from any path; nothing is inlined, so that one `.wasm` is one download.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
});
