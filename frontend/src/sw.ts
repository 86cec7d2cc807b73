/** The service worker: caches the application, so that it opens offline. It never handles /api, sign-in or config.json. */
declare const self: ServiceWorkerGlobalScope

const CACHE = 'imchat-shell-v1'

self.addEventListener('install', () => void self.skipWaiting())

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys()
      await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  const root = new URL('./', self.location.href)
  if (request.method !== 'GET' || url.origin !== root.origin) return
  if (url.pathname.startsWith(`${root.pathname}assets/`)) event.respondWith(cacheFirst(request))
  else if (request.mode === 'navigate') event.respondWith(networkFirst(request, root.href))
})

/** For files with a hash in their name, which never change. */
async function cacheFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const cached = await cache.match(request)
  if (cached) return cached
  const response = await fetch(request)
  if (response.ok) await cache.put(request, response.clone())
  return response
}

/** For the page: the newest version, or offline the last one. */
async function networkFirst(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(CACHE)
  try {
    const response = await fetch(request)
    if (response.ok) {
      const page = response.clone()
      await cache.put(key, page)
    }
    return response
  } catch (error) {
    const cached = await cache.match(key)
    if (cached) return cached
    throw error
  }
}

export {}
