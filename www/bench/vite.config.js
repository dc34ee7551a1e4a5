import { defineConfig } from 'vite';

// Like the page's configuration, but into the folder that `cargo xtask bench browser` serves.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: { outDir: process.env.PETREL_BENCH, emptyOutDir: false, target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: 'es' },
});
