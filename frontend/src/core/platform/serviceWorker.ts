/** Registers the service worker, which caches the application for offline starts. */

/** Not in every browser, and not in TypeScript's DOM types yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

const SCRIPT = 'sw.js'

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
    await navigator.serviceWorker.register(policy?.createScriptURL(url) ?? url)
  } catch {
    // Without it the application works online only.
  }
}
