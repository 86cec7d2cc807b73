/** The user pool's operations that need no cryptography. */
import type { Config } from '../core/net/config'
import { fetchJson, MAX_RETRY_WAIT_MS } from '../core/net/http'
import { backoff, sleep } from '../core/platform/time'

/** Attempts of an operation while the pool refuses it because of too many requests. */
const ATTEMPTS = 3

/** The tokens that a sign-in or refresh returns. */
export interface Grant {
  accessToken: string
  /** How long the access token is valid. */
  lifetimeMs: number
  /** Missing if the previous one stays valid. */
  refreshToken?: string
}

export interface AuthenticationResult {
  AccessToken: string
  ExpiresIn: number
  RefreshToken?: string
}

/** An error of the pool: `type` is the exception's name without namespace and suffix, `reason` its message. */
export class PoolError extends Error {
  readonly type: string

  constructor(type: string, readonly reason: string) {
    super(type)
    this.type = (type.split('#').at(-1) ?? '').replace(/Exception$/, '')
  }
}

/**
 * Call an operation of the pool; `signal` ends it. Throws PoolError, or ApiError `network`.
 *
 * `TooManyRequests` means that the pool did nothing, so the operation is repeated, unless the pool asks for a long wait:
 * the user is waiting, too.
 */
export async function callPool<T>(
  auth: Config['auth'],
  operation: string,
  params: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<T> {
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': `AWSCognitoIdentityProviderService.${operation}`,
  }
  for (let attempt = 1; ; attempt++) {
    const response = await fetchJson(auth.endpoint, { method: 'POST', headers, body: JSON.stringify(params) }, signal)
    if (response.ok) return response.body as T
    const { __type, message } = (response.body ?? {}) as { __type?: string; message?: string }
    const error = new PoolError(__type ?? '', message ?? '')
    const retryAfterMs = Number(response.retryAfter ?? 0) * 1000
    if (error.type !== 'TooManyRequests' || attempt >= ATTEMPTS || retryAfterMs > MAX_RETRY_WAIT_MS) throw error
    await sleep(Math.max(retryAfterMs, backoff(attempt)))
  }
}

export const toGrant = (result: AuthenticationResult): Grant => ({
  accessToken: result.AccessToken,
  lifetimeMs: result.ExpiresIn * 1000,
  ...(result.RefreshToken && { refreshToken: result.RefreshToken }),
})
