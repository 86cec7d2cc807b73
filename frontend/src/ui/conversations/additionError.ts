import { displayName } from '../../core/displayName'
import type { UserError } from '../../core/net/errors'
import type { User } from '../../core/net/protocol'
import { list, t } from '../../i18n'

/** Return an error of adding `people`, with the names of those who cannot be added. */
export function additionError(error: UserError, people: readonly User[]): UserError {
  const refused = people.filter((user) => error.userIds?.includes(user.user_id))
  if (refused.length === 0) return error
  return { ...error, message: t('error.aboutPeople', { names: list(refused.map(displayName)), message: error.message }) }
}
