/** The one way to the API: authorization, timeouts, retries, and one error shape. */
import type { Config } from './config'
import { networkError, ApiError, errorFromResponse } from './errors'
import { backoff, sleep } from '../platform/time'

const TIMEOUT_MS = 20_000
const ATTEMPTS = 3
/** A longer wait is not worth holding a request for: the caller hears of it instead. */
const MAX_RETRY_WAIT_MS = 5_000

export interface TokenSource {
  /** A valid access token; one that differs from `refused`. Throws Refusal `signed_out`. */
  access(refused?: string): Promise<string>
  /** The server refused even a fresh token. */
  lost(): void
}

export interface Http {
  get<T>(path: string, query?: Record<string, string | number | undefined>): Promise<T>
  /** `attempts: 1` for callers with a retry policy of their own. */
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, attempts?: number): Promise<T>
}

export function createHttp(config: Promise<Config>, tokens: TokenSource): Http {
  async function request<T>(method: string, path: string, body: unknown, attempts: number): Promise<T> {
    const url = (await config).apiUrl + path
    let refused: string | undefined
    for (let attempt = 1; ; attempt++) {
      const token = await tokens.access(refused)
      try {
        return (await once(method, url, body, token)) as T
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.status === 401) {
          if (refused !== undefined) {
            tokens.lost()
            throw error
          }
          refused = token
          continue
        }
        if (attempt >= attempts || !mayRetry(method, error)) throw error
        await sleep(Math.max(error.retryAfterMs, backoff(attempt)))
      }
    }
  }
  return {
    get: (path, query = {}) => request('GET', path + queryOf(query), undefined, ATTEMPTS),
    send: (method, path, body, attempts = ATTEMPTS) => request(method, path, body, attempts),
  }
}

async function once(method: string, url: string, body: unknown, token: string): Promise<unknown> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}` }
  const init: RequestInit = { method, headers }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(body)
  }
  const answer = await fetchJson(url, init)
  if (!answer.ok) throw errorFromResponse(answer.status, answer.body, answer.retryAfter)
  return answer.body
}

/** Fetches with a time limit, the body included. Throws Refusal `network`. */
export async function fetchJson(
  url: string,
  init: RequestInit,
): Promise<{ ok: boolean; status: number; body: unknown; retryAfter: string | null }> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS)
  try {
    const answer = await fetch(url, { ...init, signal: abort.signal, cache: 'no-store', credentials: 'omit' })
    const text = await answer.text()
    return { ok: answer.ok, status: answer.status, body: parse(text), retryAfter: answer.headers.get('Retry-After') }
  } catch {
    throw networkError()
  } finally {
    clearTimeout(timer)
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown)
  } catch {
    return null
  }
}

/** What is idempotent may always be tried again; the rest only when the server says that nothing happened. */
function mayRetry(method: string, error: ApiError): boolean {
  if (!error.retryable || error.retryAfterMs > MAX_RETRY_WAIT_MS) return false
  return method === 'POST' || method === 'PATCH' ? error.status === 429 || error.status === 503 : true
}

function queryOf(query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`
}
