/** Validators for the form fields of sign-in and settings. */
import { validateHandle, validateName, validatePassword, type Validator } from '../../core/validation'
import { t } from '../../i18n'
import type { FieldErrors } from '../primitives/useForm'

export const VALIDATORS = {
  email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : t('validation.emailRequired')),
  password: (value) => (value ? null : t('validation.passwordRequired')),
  newPassword: validatePassword,
  code: (value) => (value.trim() ? null : t('validation.codeRequired')),
  appCode: (value) => (/^\d{6}$/.test(value.replace(/\s/g, '')) ? null : t('validation.appCode')),
  display_name: validateName,
  handle: validateHandle,
} satisfies Record<string, Validator>

/** Return the errors of `values`, by field name. */
export function validate<V extends Record<string, string>>(values: V, validators: { [K in keyof V]: Validator }): FieldErrors {
  const errors: FieldErrors = {}
  for (const name in validators) {
    const error = validators[name](values[name] ?? '')
    if (error) errors[name] = error
  }
  return errors
}
