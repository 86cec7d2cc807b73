/** Calls to the user pool that need no cryptography. */
import type { Config } from '../core/net/config'
import { fetchJson } from '../core/net/http'

/** What a successful sign-in or refresh brings. */
export interface Grant {
  accessToken: string
  /** How long the access token is good for. */
  lifetimeMs: number
  /** Left out when the one used before stays valid. */
  refreshToken?: string
}

export interface AuthenticationResult {
  AccessToken: string
  ExpiresIn: number
  RefreshToken?: string
}

/** The pool refused: `type` is its exception's name without namespace and ending, `said` its words. */
export class PoolError extends Error {
  readonly type: string

  constructor(type: string, readonly said: string) {
    super(type)
    this.type = (type.split('#').at(-1) ?? '').replace(/Exception$/, '')
  }
}

/** Throws PoolError, or Refusal `network`. */
export async function call<T>(auth: Config['auth'], operation: string, params: Record<string, unknown>): Promise<T> {
  const answer = await fetchJson(auth.endpoint, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify(params),
  })
  if (answer.ok) return answer.body as T
  const { __type, message } = (answer.body ?? {}) as { __type?: string; message?: string }
  throw new PoolError(__type ?? '', message ?? '')
}

export const grantOf = (result: AuthenticationResult): Grant => ({
  accessToken: result.AccessToken,
  lifetimeMs: result.ExpiresIn * 1000,
  ...(result.RefreshToken && { refreshToken: result.RefreshToken }),
})
