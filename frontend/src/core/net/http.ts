/** The HTTP client of the API: authorization, timeouts, retries, and errors as `ApiError`. */
import { backoff, sleep } from '../platform/time'
import type { Config } from './config'
import { ApiError, errorFromResponse, networkError, signedOutError } from './errors'

const TIMEOUT_MS = 20_000
const ATTEMPTS = 3
/** With a longer `Retry-After` the request fails instead of waiting. */
export const MAX_RETRY_WAIT_MS = 5_000

export interface TokenSource {
  /** Return a valid access token other than `rejected`. Throws ApiError `signed_out`. */
  accessToken(rejected?: string): Promise<string>
  /** End the session: the server rejected even a new token. */
  invalidate(): void
}

export interface Http {
  get<T>(path: string, query?: Record<string, string | number | undefined>): Promise<T>
  /** Pass `attempts: 1` if the caller retries by itself. */
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, attempts?: number): Promise<T>
}

/** `ended` is aborted at the end of the session: a request of one user must never be sent, or answered, as another. */
export function createHttp(config: Promise<Config>, tokens: TokenSource, ended: AbortSignal): Http {
  const beforeEnd = async <T>(step: Promise<T>): Promise<T> => {
    const result = await step
    if (ended.aborted) throw signedOutError()
    return result
  }
  async function request<T>(method: string, path: string, body: unknown, attempts: number): Promise<T> {
    const url = (await beforeEnd(config)).apiUrl + path
    let rejected: string | undefined
    for (let attempt = 1; ; attempt++) {
      const token = await beforeEnd(tokens.accessToken(rejected))
      try {
        return (await beforeEnd(fetchOnce(method, url, body, token, ended))) as T
      } catch (error) {
        if (ended.aborted) throw signedOutError()
        if (!(error instanceof ApiError)) throw error
        if (error.status === 401) {
          if (rejected !== undefined) {
            tokens.invalidate()
            throw error
          }
          rejected = token
          continue
        }
        if (attempt >= attempts || !canRetry(method, error)) throw error
        await beforeEnd(sleep(Math.max(error.retryAfterMs, backoff(attempt))))
      }
    }
  }
  return {
    get: (path, query = {}) => request('GET', path + toQueryString(query), undefined, ATTEMPTS),
    send: (method, path, body, attempts = ATTEMPTS) => request(method, path, body, attempts),
  }
}

async function fetchOnce(method: string, url: string, body: unknown, token: string, ended: AbortSignal): Promise<unknown> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}` }
  const init: RequestInit = { method, headers }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(body)
  }
  const response = await fetchJson(url, init, ended)
  if (!response.ok) throw errorFromResponse(response.status, response.body, response.retryAfter)
  return response.body
}

/** Fetch JSON; the time limit includes the body, and `signal` ends the request. Throws ApiError `network`. */
export async function fetchJson(
  url: string,
  init: RequestInit,
  signal?: AbortSignal,
): Promise<{ ok: boolean; status: number; body: unknown; retryAfter: string | null }> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, TIMEOUT_MS)
  signal?.addEventListener('abort', abort)
  try {
    const response = await fetch(url, { ...init, signal: controller.signal, cache: 'no-store', credentials: 'omit' })
    const text = await response.text()
    return { ok: response.ok, status: response.status, body: parse(text), retryAfter: response.headers.get('Retry-After') }
  } catch {
    throw networkError()
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown)
  } catch {
    return null
  }
}

/** Idempotent methods can always be retried; others only if the status says that the server did nothing. */
function canRetry(method: string, error: ApiError): boolean {
  if (!error.retryable || error.retryAfterMs > MAX_RETRY_WAIT_MS) return false
  return method === 'POST' || method === 'PATCH' ? error.status === 429 || error.status === 503 : true
}

function toQueryString(query: Record<string, string | number | undefined>): string {
  const defined = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined)
  return defined.length === 0 ? '' : `?${new URLSearchParams(defined.map(([name, value]) => [name, String(value)])).toString()}`
}
