/** Calls to the user pool that need no cryptography, and what its refusals mean for people. */
import type { Config } from '../core/config'
import { fetchJson } from '../core/http'
import { Refusal } from '../core/problem'

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

/** Throws Refusal with a sentence for people. */
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
  throw authRefusal(__type ?? '', message ?? '')
}

export const grantOf = (result: AuthenticationResult): Grant => ({
  accessToken: result.AccessToken,
  lifetimeMs: result.ExpiresIn * 1000,
  ...(result.RefreshToken && { refreshToken: result.RefreshToken }),
})

/** The refusal for a pool's exception, named as in `__type`, with or without its namespace. */
export function authRefusal(type: string, said: string): Refusal {
  const name = (type.split('#').at(-1) ?? '').replace(/Exception$/, '')
  const refuse = (code: string, message: string, field?: string): Refusal =>
    new Refusal(field ? { code, message, field } : { code, message }, 400, code === 'busy')
  switch (name) {
    case 'UserNotFound':
    case 'NotAuthorized':
      if (/disabled/i.test(said)) return refuse('disabled', 'This account is disabled. Please ask your administrator.')
      if (/attempts/i.test(said)) return tooMany()
      if (/temporary password/i.test(said))
        return refuse('expired', 'The temporary password has expired. Please ask your administrator for a new one.')
      if (/session/i.test(said)) return refuse('session_expired', 'That took too long. Please sign in again.')
      return refuse('wrong_credentials', 'The e-mail address or the password is wrong.', 'password')
    case 'UsernameExists':
    case 'AliasExists':
      return refuse('exists', 'There is an account with this e-mail address already. Sign in instead.', 'email')
    case 'UserNotConfirmed':
      return refuse('unconfirmed', 'This e-mail address is not confirmed yet.')
    case 'PasswordResetRequired':
      return refuse('reset_required', 'Your administrator asks you to set a new password.')
    case 'CodeMismatch':
      return refuse('wrong_code', 'This code is wrong. Look at the newest message and try again.', 'code')
    case 'ExpiredCode':
      return refuse('expired_code', 'This code is wrong or has expired. Have a new one sent.', 'code')
    case 'InvalidPassword':
      return refuse('weak_password', weakPassword(said), 'password')
    case 'InvalidParameter':
      if (/password/i.test(said)) return refuse('weak_password', weakPassword(said), 'password')
      if (/e-?mail|username/i.test(said)) return refuse('invalid', 'This is not an e-mail address.', 'email')
      return refuse('invalid', 'Please check what you entered.')
    case 'LimitExceeded':
    case 'TooManyRequests':
    case 'TooManyFailedAttempts':
      return tooMany()
    case 'CodeDeliveryFailure':
      return refuse('delivery', 'The code could not be sent. Please check the address, or ask your administrator.')
    default:
      return refuse('busy', 'Signing in does not work right now. Please try again in a moment.')
  }
}

const tooMany = (): Refusal =>
  new Refusal({ code: 'too_many', message: 'Too many tries. Please wait a few minutes and try again.' }, 429, true)

const weakPassword = (said: string): string => {
  const wants = /must have (\w+ characters)/i.exec(said)?.[1]
  return wants && !/long/i.test(said)
    ? `The password needs ${wants} too.`
    : 'This password is too short: use at least 8 characters.'
}
