import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // The sign-in library's buffer package uses Node's name of the global object.
  define: { global: 'globalThis' },
  resolve: {
    // virtua is written for React and works with Preact's compat layer.
    alias: [
      { find: /^react$/, replacement: 'preact/compat' },
      { find: /^react-dom$/, replacement: 'preact/compat' },
      { find: /^react\/jsx-runtime$/, replacement: 'preact/jsx-runtime' },
    ],
  },
  build: {
    target: 'es2022',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // The content security policy allows no data: scripts or styles; separate files can also be cached.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: path('index.html'), sw: path('src/sw.ts') },
      output: {
        // The service worker's scope is its folder, so it is at the site's root, under a name that never changes.
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8484',
      '/cognito': 'http://127.0.0.1:8484',
      '/config.json': 'http://127.0.0.1:8484',
      '/ws': { target: 'ws://127.0.0.1:8484', ws: true },
    },
  },
})
