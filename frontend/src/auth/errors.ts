/** Turns the user pool's errors into sentences for the user. */
import '../i18n/signIn'
import { ApiError } from '../core/net/errors'
import { PASSWORD_MIN } from '../core/validation'
import { t } from '../i18n'
import type { PoolError } from './cognito'

export function toApiError({ type, reason }: PoolError): ApiError {
  const error = (code: string, message: string, field?: string): ApiError =>
    new ApiError(field ? { code, message, field } : { code, message }, 400, code === 'busy')
  switch (type) {
    case 'UserNotFound':
    case 'NotAuthorized':
      if (/SignUp is not permitted/i.test(reason)) return error('by_invitation', t('signInError.invitationOnly'))
      if (/disabled/i.test(reason)) return error('disabled', t('signInError.disabled'))
      if (/attempts/i.test(reason)) return tooManyAttempts()
      if (/temporary password/i.test(reason)) return error('expired', t('signInError.temporaryPasswordExpired'))
      if (/session/i.test(reason)) return error('session_expired', t('signInError.sessionExpired'))
      return error('wrong_credentials', t('signInError.wrongCredentials'), 'password')
    case 'UsernameExists':
    case 'AliasExists':
      return error('exists', t('signInError.accountExists'), 'email')
    case 'UserLambdaValidation':
      return error('domain', t('signInError.emailDomain'), 'email')
    case 'UserNotConfirmed':
      return error('unconfirmed', t('signInError.unconfirmed'))
    case 'PasswordResetRequired':
      return error('reset_required', t('signInError.resetRequired'))
    case 'CodeMismatch':
      return error('wrong_code', t('signInError.wrongCode'), 'code')
    case 'ExpiredCode':
      return error('expired_code', t('signInError.expiredCode'), 'code')
    case 'InvalidPassword':
      return error('weak_password', weakPassword(reason), 'password')
    case 'InvalidParameter':
      if (/password/i.test(reason)) return error('weak_password', weakPassword(reason), 'password')
      if (/e-?mail|username/i.test(reason)) return error('invalid', t('signInError.invalidEmail'), 'email')
      return error('invalid', t('signInError.invalidInput'))
    case 'TooManyRequests':
      if (/wrong codes/i.test(reason)) return tooManyAttempts()
      return new ApiError({ code: 'too_many', message: t('signInError.tooManyRequests') }, 429, true)
    case 'LimitExceeded':
    case 'TooManyFailedAttempts':
      return tooManyAttempts()
    case 'CodeDeliveryFailure':
      return error('delivery', t('signInError.codeNotSent'))
    default:
      return error('busy', t('signInError.unavailable'))
  }
}

/** Return the error for a code of an authenticator app, at sign-in or while the app is set up. */
export function toAppCodeError(error: PoolError): ApiError {
  const codeError = (code: string, message: string): ApiError => new ApiError({ code, message, field: 'code' }, 400, false)
  switch (error.type) {
    case 'CodeMismatch':
    case 'EnableSoftwareTokenMFA':
      return codeError('wrong_code', t('signInError.wrongAppCode'))
    case 'ExpiredCode':
      return codeError('used_code', t('signInError.usedAppCode'))
    case 'SoftwareTokenMFANotFound':
      return codeError('setup_expired', t('signInError.setupExpired'))
    default:
      return toApiError(error)
  }
}

const tooManyAttempts = (): ApiError =>
  new ApiError({ code: 'too_many', message: t('signInError.tooManyAttempts') }, 429, true)

const weakPassword = (reason: string): string => {
  const characters = /must have (\w+ characters)/i.exec(reason)?.[1]
  return characters && !/long/i.test(reason)
    ? t('signInError.passwordNeeds', { characters })
    : t('validation.minCharacters', { min: PASSWORD_MIN })
}
