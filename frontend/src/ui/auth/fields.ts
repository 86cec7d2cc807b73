/** The fields that the sign-in forms share. */
import type { Signal } from '@preact/signals'
import { PASSWORD_MIN, type Validator } from '../../core/validation'
import { t } from '../../i18n'
import type { AuthField } from './AuthForm'
import { VALIDATORS } from './validation'

/** `email` keeps the address when the user changes to another form. */
export const emailField = (email: Signal<string>): AuthField<'email'> => ({
  name: 'email',
  label: t('auth.email'),
  validator: VALIDATORS.email,
  initial: email.value,
  onChange: (value) => (email.value = value),
  type: 'email',
  inputmode: 'email',
  autocomplete: 'username',
  spellcheck: false,
  autofocus: true,
})

export const passwordField = (): AuthField<'password'> => ({
  name: 'password',
  label: t('auth.password'),
  validator: VALIDATORS.password,
  type: 'password',
  autocomplete: 'current-password',
})

export const newPasswordField = (label = t('auth.newPassword')): AuthField<'password'> => ({
  name: 'password',
  label,
  validator: VALIDATORS.newPassword,
  type: 'password',
  autocomplete: 'new-password',
  hint: t('validation.minCharacters', { min: PASSWORD_MIN }),
})

/** `validator`: of a code by e-mail, or of an authenticator app. */
export const codeField = (validator: Validator = VALIDATORS.code): AuthField<'code'> => ({
  name: 'code',
  label: t('auth.code'),
  validator,
  inputmode: 'numeric',
  autocomplete: 'one-time-code',
  spellcheck: false,
  autofocus: true,
})
