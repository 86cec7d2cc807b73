/** What the user pool's refusals mean for people. */
import { ApiError } from '../core/net/errors'
import type { PoolError } from './cognito'

export function explain({ type, said }: PoolError): ApiError {
  const refuse = (code: string, message: string, field?: string): ApiError =>
    new ApiError(field ? { code, message, field } : { code, message }, 400, code === 'busy')
  switch (type) {
    case 'UserNotFound':
    case 'NotAuthorized':
      if (/SignUp is not permitted/i.test(said))
        return refuse('by_invitation', 'Accounts are by invitation here. Please ask your administrator for one.')
      if (/disabled/i.test(said)) return refuse('disabled', 'This account is disabled. Please ask your administrator.')
      if (/attempts/i.test(said)) return tooMany()
      if (/temporary password/i.test(said))
        return refuse('expired', 'The temporary password has expired. Please ask your administrator for a new one.')
      if (/session/i.test(said)) return refuse('session_expired', 'That took too long. Please sign in again.')
      return refuse('wrong_credentials', 'The e-mail address or the password is wrong.', 'password')
    case 'UsernameExists':
    case 'AliasExists':
      return refuse('exists', 'There is an account with this e-mail address already. Sign in instead.', 'email')
    case 'UserLambdaValidation':
      return refuse('domain', 'This e-mail domain may not sign up here. Use your work address, or ask your administrator.', 'email')
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

const tooMany = (): ApiError =>
  new ApiError({ code: 'too_many', message: 'Too many tries. Please wait a few minutes and try again.' }, 429, true)

const weakPassword = (said: string): string => {
  const wants = /must have (\w+ characters)/i.exec(said)?.[1]
  return wants && !/long/i.test(said)
    ? `The password needs ${wants} too.`
    : 'This password is too short: use at least 8 characters.'
}
