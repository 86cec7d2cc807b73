/** The site's configuration: the addresses of the API, the WebSocket and sign-in. */
import { backoff, sleep } from '../platform/time'
import { readLocal, writeLocal } from '../storage/kept'
import type { SiteConfig, SiteSignUp } from './protocol'

export interface Config {
  apiUrl: string
  wsUrl: string
  auth: { endpoint: string; userPoolId: string; clientId: string }
  signUp: SiteSignUp
}

const STORAGE_KEY = 'imchat:config'
/** A stored version is used if the network takes longer than this. */
const STORED_AFTER_MS = 3_000
const TIMEOUT_MS = 20_000

/** Load `config.json`, or without a network its last stored version; retries until one of the two is available. */
export async function loadConfig(): Promise<Config> {
  const stored = parseConfig(readLocal(STORAGE_KEY))
  for (let attempt = 1; ; attempt++) {
    const fetching = fetchConfig()
    const config = await (stored ? Promise.race([fetching, sleep(STORED_AFTER_MS)]) : fetching)
    if (config ?? stored) return (config ?? stored) as Config
    await sleep(backoff(attempt))
  }
}

/** Fetch and store the configuration; null if there is no response, or an invalid one. */
async function fetchConfig(): Promise<Config | null> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  try {
    const url = new URL('./config.json', document.baseURI)
    const response = await fetch(url, { cache: 'no-cache', signal: controller.signal })
    const text = await response.text()
    const config = response.ok ? parseConfig(text) : null
    if (config) writeLocal(STORAGE_KEY, text)
    return config
  } catch {
    return null
  } finally {
    clearTimeout(timer)
  }
}

/** Parse the configuration and resolve relative addresses against `origin`; null if it is invalid or of another version. */
export function parseConfig(text: string | null, origin: string = location.origin): Config | null {
  try {
    if (text === null) return null
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
