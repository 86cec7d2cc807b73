/** The sentence for an event that is no message. */
import type { TimelineItem } from '../../core/model'
import { t } from '../../i18n'
import { displayName } from '../app/context'

type NoticeItem = Extract<TimelineItem, { kind: 'notice' }>

/** Null for what needs no sentence. */
export function noticeText({ event, actor, subject }: NoticeItem): string | null {
  const who = { actor: displayName(actor), subject: subject ? displayName(subject) : t('user.unknown') }
  switch (event.type) {
    case 'conversation.created':
      if (event.kind === 'direct') return t('notice.created.direct', who)
      return event.title ? t('notice.created.group', { ...who, title: event.title }) : t('notice.created.untitled', who)
    case 'conversation.updated':
      if ('description' in event || 'posting' in event || 'history' in event || 'public' in event) return t('notice.changed', who)
      return event.title ? t('notice.renamed', { ...who, title: event.title }) : t('notice.unnamed', who)
    case 'member.added':
      return t(event.user_id === event.actor_id ? 'notice.joined' : 'notice.added', who)
    case 'member.removed':
      return t(event.user_id === event.actor_id ? 'notice.left' : 'notice.removed', who)
    case 'member.role_changed':
      return t(`notice.role.${event.role}`, who)
    default:
      return null
  }
}
