/** The server's limits, checked before a request is sent. */
import { t } from '../i18n'
import { byteCount, charCount } from '../lib/textLength'
import type { UserError } from './net/errors'
import { LIMITS } from './net/protocol'

export const PASSWORD_MIN = 8

/** Return the error message for a value, or null if it is valid. */
export type Validator = (value: string) => string | null

/**
 * Whether `text` has a visible character: no control, no white space, nothing that fonts leave out.
 * `src/imchat/domain/limits.py` has the same rule.
 */
const isVisible = (text: string): boolean =>
  /[^\p{White_Space}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFB]/u.test(text)

const maxCharacters = (text: string, max: number): string | null =>
  charCount(text.trim()) > max ? t('validation.maxCharacters', { max }) : null

/** An empty title is valid here: whether one is required depends on the form. */
export const validateTitle: Validator = (title) => maxCharacters(title, LIMITS.title_chars)

export const validateName: Validator = (name) =>
  isVisible(name) ? maxCharacters(name, LIMITS.display_name_chars) : t('validation.nameRequired')

export const validateHandle: Validator = (handle) => {
  const { handle_min: min, handle_max: max, handle_pattern } = LIMITS
  if (!handle) return t('validation.handleRequired')
  if (!new RegExp(handle_pattern).test(handle)) return t('validation.handleCharacters')
  if (handle.length < min) return t('validation.minCharacters', { min })
  return handle.length > max ? t('validation.maxCharacters', { max }) : null
}

export const validatePassword: Validator = (password) =>
  password.length < PASSWORD_MIN ? t('validation.minCharacters', { min: PASSWORD_MIN }) : null

const validateMessage: Validator = (body) => {
  if (!isVisible(body)) return t('validation.messageRequired')
  const tooLong = charCount(body) > LIMITS.body_chars || byteCount(body) > LIMITS.body_bytes
  return tooLong ? t('validation.messageTooLong', { max: LIMITS.body_chars }) : null
}

const invalid = (field: string, message: string | null): UserError | null =>
  message === null ? null : { code: 'invalid', field, message }

export const checkMessage = (body: string): UserError | null => invalid('body', validateMessage(body))

export const checkGroupTitle = (title: string): UserError | null =>
  invalid('title', !isVisible(title) ? t('validation.groupNameRequired') : validateTitle(title))

export function checkProfile({ handle, display_name }: { handle?: string; display_name?: string }): UserError | null {
  return (
    (handle === undefined ? null : invalid('handle', validateHandle(handle))) ??
    (display_name === undefined ? null : invalid('display_name', validateName(display_name)))
  )
}
