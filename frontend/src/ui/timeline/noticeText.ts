/** The text of a notice: an event that is not a message. */
import { displayName } from '../../core/displayName'
import type { TimelineItem } from '../../core/model'
import { t } from '../../i18n'

type NoticeItem = Extract<TimelineItem, { kind: 'notice' }>

/** Return the text; null for events without one. */
export function noticeText({ event, actor, subject }: NoticeItem): string | null {
  const names = { actor: displayName(actor), subject: subject ? displayName(subject) : t('user.unknown') }
  switch (event.type) {
    case 'conversation.created':
      if (event.kind === 'direct') return t('notice.created.direct', names)
      return event.title ? t('notice.created.group', { ...names, title: event.title }) : t('notice.created.untitled', names)
    case 'conversation.updated':
      if ('description' in event || 'posting' in event || 'history' in event || 'public' in event) return t('notice.changed', names)
      return event.title ? t('notice.renamed', { ...names, title: event.title }) : t('notice.unnamed', names)
    case 'member.added':
      return t(event.user_id === event.actor_id ? 'notice.joined' : 'notice.added', names)
    case 'member.removed':
      return t(event.user_id === event.actor_id ? 'notice.left' : 'notice.removed', names)
    case 'member.role_changed':
      return t(`notice.role.${event.role}`, names)
    default:
      return unknownNotice(event)
  }
}

/** TypeScript reports a notice that `noticeText` lacks. */
const unknownNotice = (_event: never): null => null
