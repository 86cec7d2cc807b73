/** The site's configuration: where the API, the socket and sign-in are. */
import type { SiteConfig } from './protocol'
import { backoff, sleep } from '../platform/time'

export interface Config {
  apiUrl: string
  wsUrl: string
  auth: { endpoint: string; userPoolId: string; clientId: string }
}

const KEPT = 'imchat:config'

/** Reads `config.json`, or what it said last when there is no network; waits for one of the two. */
export async function loadConfig(): Promise<Config> {
  for (let attempt = 1; ; attempt++) {
    const text = (await fetchConfig()) ?? localStorage.getItem(KEPT)
    const config = text === null ? null : parseConfig(text)
    if (config && text !== null) {
      localStorage.setItem(KEPT, text)
      return config
    }
    await sleep(backoff(attempt))
  }
}

async function fetchConfig(): Promise<string | null> {
  try {
    const answer = await fetch(new URL('./config.json', document.baseURI), { cache: 'no-cache' })
    return answer.ok ? await answer.text() : null
  } catch {
    return null
  }
}

/** Resolves relative addresses against the site's origin; null if the text is no configuration of this version. */
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
    }
  } catch {
    return null
  }
}
