/** Keeps the application's shell for offline starts: registers the service worker. */

/** Not in every browser, and not in TypeScript's library yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

const SCRIPT = 'sw.js'

/** The content security policy lets one policy, `imchat`, name script addresses; this one knows one address. */
export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  const url = new URL(SCRIPT, document.baseURI).href
  try {
    const policy = trustedTypes?.createPolicy('imchat', {
      createScriptURL: (asked) => {
        if (asked !== url) throw new TypeError(`${asked} is no script of ours.`)
        return asked
      },
    })
    await navigator.serviceWorker.register(policy?.createScriptURL(url) ?? url)
  } catch {
    // Where it cannot be had, the application works all the same, online.
  }
}
