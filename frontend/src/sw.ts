/**
 * The service worker: stores the application's files, so that it opens offline and at once on a slow network.
 *
 * It serves the files of one build and nothing else: /api, sign-in, config.json and pages that are not the application
 * go to the network, and none of their responses is stored.
 */
declare const self: ServiceWorkerGlobalScope

/** The files of this build, written by vite.config.ts: `start` is what index.html loads, `later` is all else. */
declare const __FILES__: { version: string; start: string[]; later: string[] }

const PREFIX = 'imchat-shell-'
const CACHE = PREFIX + __FILES__.version
/** The stored page is used if the network takes longer than this. */
const NETWORK_MS = 3_000

const root = new URL('./', self.location.href)
const urlOf = (path: string): string => new URL(path, root).href
/** The page is stored under the address of its folder. */
const PAGE = ''
const files = new Set([...__FILES__.start, ...__FILES__.later].map(urlOf))

self.addEventListener('install', (event) => {
  // Not activated until all pages of the previous version are closed or reloaded: they load their files from its cache.
  event.waitUntil(storeMissing([PAGE, ...__FILES__.start]))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys()
      await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)))
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('message', (event) => {
  const message = event.data as { type: 'store-all' } | { type: 'page'; files: string[] }
  if (message.type === 'store-all') event.waitUntil(storeMissing(__FILES__.later))
  // A page that was reloaded is of this version already.
  else if (message.files.every((url) => files.has(url))) void self.skipWaiting()
  else event.source?.postMessage('new-version')
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET') return
  if (request.mode === 'navigate') {
    const isApplication = url.origin === root.origin && [root.pathname, `${root.pathname}index.html`].includes(url.pathname)
    if (isApplication) event.respondWith(newestPage(request))
  } else if (files.has(url.href)) {
    event.respondWith(storedFile(url.href))
  }
})

// A response whose body is not read keeps Chromium from replacing this worker: read from the cache only what is returned,
// and cancel the rest.

/** Return the page from the network, so that a reload shows the newest version; if it is slow or fails, the stored page. */
async function newestPage(request: Request): Promise<Response> {
  const network = fetch(request)
  const valid = network.then((response) => (response.status < 500 ? response : null), () => null)
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), NETWORK_MS))
  const newest = await Promise.race([valid, late])
  if (newest) return newest
  const stored = await (await caches.open(CACHE)).match(urlOf(PAGE), { ignoreVary: true })
  if (!stored) return network
  void network.then(cancelBody, () => undefined)
  return stored
}

/** Return a file of this build. Its name contains its checksum, so the stored copy never differs from the server's. */
async function storedFile(url: string): Promise<Response> {
  const cache = await caches.open(CACHE)
  const match = (): Promise<Response | undefined> => cache.match(url, { ignoreVary: true })
  const stored = (await match()) ?? (await store(cache, url).then(match, () => undefined))
  return stored ?? fetch(url)
}

async function storeMissing(paths: string[]): Promise<void> {
  const cache = await caches.open(CACHE)
  const stored = new Set((await cache.keys()).map((request) => request.url))
  await Promise.all(paths.map(urlOf).filter((url) => !stored.has(url)).map((url) => store(cache, url)))
}

/** Fetch and store a file. A response that is not the file, such as a hotel's sign-in page, is an error. */
async function store(cache: Cache, url: string): Promise<void> {
  const isPage = url === urlOf(PAGE)
  const response = await fetch(url, isPage ? { cache: 'no-cache' } : {})
  const isHtml = (response.headers.get('Content-Type') ?? '').startsWith('text/html')
  if (!response.ok || response.redirected || isHtml !== isPage) {
    await cancelBody(response)
    throw new TypeError(`${url} has no valid response.`)
  }
  if (!isPage) return cache.put(url, response)
  const html = await response.text()
  // Also while a new version is being uploaded: the page of another build would load files that are not stored.
  if (!__FILES__.start.every((path) => html.includes(path))) throw new TypeError('The page is of another version.')
  await cache.put(url, new Response(html, { headers: response.headers }))
}

const cancelBody = async (response: Response): Promise<void> => response.body?.cancel()

export {}
