/** Registers the service worker, which stores the application for offline starts, and reports new versions. */
import { signal } from '@preact/signals'

/** Not in every browser, and not in TypeScript's DOM types yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

const SCRIPT = 'sw.js'
/** How long after the start the files are stored that the start did not need. */
const STORE_ALL_DELAY_MS = 3_000
/** How often an open page looks for a new version. */
const UPDATE_INTERVAL_MS = 60 * 60_000

/** Whether a newer version than this page is available: a reload shows it. */
export const updateAvailable = signal(false)

/** Register it. The content security policy allows one Trusted Types policy, `imchat`; it accepts this script's address only. */
export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  const url = new URL(SCRIPT, document.baseURI).href
  try {
    const policy = trustedTypes?.createPolicy('imchat', {
      createScriptURL: (requested) => {
        if (requested !== url) throw new TypeError(`${requested} is not the service worker.`)
        return requested
      },
    })
    follow(await navigator.serviceWorker.register(policy?.createScriptURL(url) ?? url))
  } catch {
    // Without it the application works online only.
  }
}

function follow(registration: ServiceWorkerRegistration): void {
  const { serviceWorker } = navigator
  const scripts = [...document.querySelectorAll<HTMLScriptElement>('script[src]')].map(({ src }) => src)
  const styles = [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].map(({ href }) => href)
  // The first service worker is not an update.
  const reportPage = (worker: ServiceWorker): void => {
    if (serviceWorker.controller) worker.postMessage({ type: 'page', files: [...scripts, ...styles] })
  }
  serviceWorker.addEventListener('message', (event) => {
    if (event.data === 'new-version') updateAvailable.value = true
  })
  serviceWorker.startMessages()
  if (registration.waiting) reportPage(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed') reportPage(worker)
    })
  })
  // The worker that is active then: by that time an update may have replaced the first one.
  const storeAll = (ready: ServiceWorkerRegistration): void => ready.active?.postMessage({ type: 'store-all' })
  setTimeout(() => void serviceWorker.ready.then(storeAll), STORE_ALL_DELAY_MS)
  setInterval(() => void registration.update().catch(() => undefined), UPDATE_INTERVAL_MS)
}
