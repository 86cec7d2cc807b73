/** The service worker: keeps the application's shell, so that it opens offline. Never touches /api, sign-in or configuration. */
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

/** Hashed names never change their content. */
async function cacheFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok) await cache.put(request, answer.clone())
  return answer
}

/** The page itself must be the newest one, or else the last one seen. */
async function networkFirst(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(CACHE)
  try {
    const answer = await fetch(request)
    if (answer.ok) {
      const page = answer.clone()
      await cache.put(key, page)
    }
    return answer
  } catch (error) {
    const kept = await cache.match(key)
    if (kept) return kept
    throw error
  }
}

export {}
