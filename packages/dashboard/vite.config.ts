import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** The font is asked for with the page, not when its styles are there: so the first visit is drawn with it already. */
const fontFirst: Plugin = {
  name: 'font-first',
  transformIndexHtml: {
    order: 'post',
    handler: (_, { bundle = {} }) =>
      Object.keys(bundle)
        .filter((file) => file.endsWith('.woff2'))
        .map((file) => ({
          tag: 'link',
          attrs: { rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: true, href: `/${file}` },
          injectTo: 'head-prepend',
        })),
  },
};

// Built into the package `posthorn`, which serves it (see http/dashboard-files.ts there).
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), fontFirst],
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
