/** What can be seen to be wrong before anything is sent. */
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { charCount } from '../../lib/text'
import type { FieldErrors } from '../primitives/useForm'

export const PASSWORD_MIN = 8

type Check = (value: string) => string | null

export const VALIDATORS = {
  email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : t('auth.needEmail')),
  password: (value) => (value ? null : t('auth.needPassword')),
  newPassword: (value) => (value.length >= PASSWORD_MIN ? null : t('auth.shortPassword')),
  code: (value) => (value.trim() ? null : t('auth.needCode')),
  display_name: (value) =>
    !value.trim()
      ? t('profile.needName')
      : charCount(value.trim()) > LIMITS.display_name_chars
        ? t('profile.longName', { max: LIMITS.display_name_chars })
        : null,
  handle: (value) =>
    !value
      ? t('profile.needHandle')
      : !new RegExp(LIMITS.handle_pattern).test(value)
        ? t('profile.badHandle')
        : value.length < LIMITS.handle_min
          ? t('profile.shortHandle', { min: LIMITS.handle_min })
          : value.length > LIMITS.handle_max
            ? t('profile.longHandle', { max: LIMITS.handle_max })
            : null,
} satisfies Record<string, Check>

/** The complaints of `checks` about `values`, by field name. */
export function validate<V extends Record<string, string>>(values: V, checks: { [K in keyof V]: Check }): FieldErrors {
  const errors: FieldErrors = {}
  for (const name in checks) {
    const error = checks[name](values[name] ?? '')
    if (error) errors[name] = error
  }
  return errors
}
