/** The user pool's operations that need no cryptography. */
import type { Config } from '../core/net/config'
import { fetchJson } from '../core/net/http'

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

/** Call an operation of the pool; `signal` ends it. Throws PoolError, or ApiError `network`. */
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
  const response = await fetchJson(auth.endpoint, { method: 'POST', headers, body: JSON.stringify(params) }, signal)
  if (response.ok) return response.body as T
  const { __type, message } = (response.body ?? {}) as { __type?: string; message?: string }
  throw new PoolError(__type ?? '', message ?? '')
}

export const toGrant = (result: AuthenticationResult): Grant => ({
  accessToken: result.AccessToken,
  lifetimeMs: result.ExpiresIn * 1000,
  ...(result.RefreshToken && { refreshToken: result.RefreshToken }),
})
