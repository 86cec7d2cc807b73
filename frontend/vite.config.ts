import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Writes the list of the site's files into the service worker (`__FILES__` in src/sw.ts). */
const serviceWorkerFiles = (): Plugin => ({
  name: 'service-worker-files',
  apply: 'build',
  writeBundle({ dir = '' }) {
    const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
    const files = names.filter((name) => /\.\w+$/.test(name) && name !== 'sw.js' && name !== 'index.html').sort()
    const html = readFileSync(join(dir, 'index.html'), 'utf8')
    const start = files.filter((name) => name.startsWith('assets/') && html.includes(name))
    if (start.length === 0) throw new Error('index.html loads no files.')
    const later = files.filter((name) => !start.includes(name))
    const hash = createHash('sha256')
    for (const name of ['index.html', ...files]) hash.update(name).update(readFileSync(join(dir, name)))
    const list = JSON.stringify({ version: hash.digest('hex').slice(0, 16), start, later })
    const script = readFileSync(join(dir, 'sw.js'), 'utf8')
    if (!script.includes('__FILES__')) throw new Error('The service worker does not use __FILES__.')
    writeFileSync(join(dir, 'sw.js'), `const __FILES__=${list};${script}`)
  },
})

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
  plugins: [serviceWorkerFiles()],
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
