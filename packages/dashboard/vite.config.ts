import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Built into the package `posthorn`, which serves it (see http/dashboard-files.ts there).
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2024',
    // A policy forbids inline styles and `data:` outside of images: nothing is folded into CSS or script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: true,
  },
  // A server on its usual port answers the calls while the dashboard is worked on: `npm run dashboard`.
  server: { proxy: { '/v1': 'http://127.0.0.1:8400' } },
});
