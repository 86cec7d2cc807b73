/** The name to show for a user. */
import { t } from '../i18n'
import type { User } from './net/protocol'

export const displayName = (user: User): string => user.display_name || user.handle || t('user.unknown')
