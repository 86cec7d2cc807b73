/** The site's configuration: the addresses of the API, the WebSocket and sign-in. */
import { backoff, sleep } from '../platform/time'
import type { SiteConfig, SiteSignUp } from './protocol'

export interface Config {
  apiUrl: string
  wsUrl: string
  auth: { endpoint: string; userPoolId: string; clientId: string }
  signUp: SiteSignUp
}

const STORAGE_KEY = 'imchat:config'

/** Load `config.json`, or offline its last stored version; retries until one of the two is available. */
export async function loadConfig(): Promise<Config> {
  for (let attempt = 1; ; attempt++) {
    const text = (await fetchConfig()) ?? localStorage.getItem(STORAGE_KEY)
    const config = text === null ? null : parseConfig(text)
    if (config && text !== null) {
      localStorage.setItem(STORAGE_KEY, text)
      return config
    }
    await sleep(backoff(attempt))
  }
}

async function fetchConfig(): Promise<string | null> {
  try {
    const response = await fetch(new URL('./config.json', document.baseURI), { cache: 'no-cache' })
    return response.ok ? await response.text() : null
  } catch {
    return null
  }
}

/** Parse the configuration and resolve relative addresses against `origin`; null if it is invalid or of another version. */
export function parseConfig(text: string, origin: string = location.origin): Config | null {
  try {
    const site = JSON.parse(text) as SiteConfig
    if (site.version !== 1) return null
    const ws = new URL(site.ws_url, origin)
    ws.protocol = ws.protocol.replace(/^http/, 'ws')
    return {
      apiUrl: new URL(site.api_url, origin).href.replace(/\/$/, ''),
      wsUrl: ws.href,
      auth: {
        endpoint: new URL(site.auth.endpoint, origin).href,
        userPoolId: site.auth.user_pool_id,
        clientId: site.auth.client_id,
      },
      // Older servers do not send it; they refuse a sign-up that their policy does not allow.
      signUp: site.sign_up ?? { policy: 'open', domains: [] },
    }
  } catch {
    return null
  }
}
