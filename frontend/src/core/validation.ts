/** The server's limits, checked before asking: the same bounds, in words for people. */
import type { UserError } from './net/errors'
import { LIMITS } from './net/protocol'

const invalid = (field: string, message: string): UserError => ({ code: 'invalid', field, message })

/** Characters as people and the server count them: code points. */
const count = (text: string): number => Array.from(text).length

export function checkBody(body: string): UserError | null {
  if (body.trim() === '') return invalid('body', 'Write something first.')
  const long = count(body) > LIMITS.body_chars || new TextEncoder().encode(body).length > LIMITS.body_bytes
  return long ? invalid('body', `This message is too long: at most ${LIMITS.body_chars} characters. Send it in parts.`) : null
}

export function checkTitle(title: string): UserError | null {
  if (title.trim() === '') return invalid('title', 'A group needs a name.')
  return count(title.trim()) > LIMITS.title_chars
    ? invalid('title', `This name is too long: at most ${LIMITS.title_chars} characters.`)
    : null
}

export function checkProfile({ handle, display_name }: { handle?: string; display_name?: string }): UserError | null {
  if (handle !== undefined) {
    const { handle_min, handle_max, handle_pattern } = LIMITS
    if (handle.length < handle_min || handle.length > handle_max)
      return invalid('handle', `A handle has ${handle_min} to ${handle_max} characters.`)
    if (!new RegExp(handle_pattern).test(handle))
      return invalid('handle', 'A handle has only the letters a to z, digits, dots and underscores.')
  }
  if (display_name !== undefined) {
    if (display_name.trim() === '') return invalid('display_name', 'Please say your name.')
    if (count(display_name) > LIMITS.display_name_chars)
      return invalid('display_name', `This name is too long: at most ${LIMITS.display_name_chars} characters.`)
  }
  return null
}
