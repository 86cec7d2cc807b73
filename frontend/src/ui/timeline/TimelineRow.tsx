/** One row of the timeline. */
import { memo } from 'preact/compat'
import type { ConversationModel } from '../../core/model'
import { t } from '../../i18n'
import { dayLabel } from '../../lib/time'
import { today } from '../../lib/today'
import { Button } from '../primitives/Button'
import { MessageBubble } from './MessageBubble'
import { noticeText } from './noticeText'
import type { Row } from './rows'

export const TimelineRow = memo(function TimelineRow({ row, conversation }: { row: Row; conversation: ConversationModel }) {
  switch (row.kind) {
    case 'start':
      return <TimelineStart conversation={conversation} />
    case 'day':
      return <p class="day"><span>{dayLabel(row.at_ms, today.value)}</span></p>
    case 'new':
      return <p class="unread-line"><span>{t('conversation.unreadLine')}</span></p>
    case 'notice':
      return <p class="notice"><bdi>{noticeText(row.item)}</bdi></p>
    case 'message':
      return <MessageBubble row={row} conversation={conversation} />
  }
})

function TimelineStart({ conversation }: { conversation: ConversationModel }) {
  const error = conversation.error.value
  if (conversation.hasOlder.value) {
    return (
      <div class="start">
        {error ? (
          <p class="start-error">
            {error.message} <Button kind="quiet" onClick={() => void conversation.loadOlder()}>{t('action.retry')}</Button>
          </p>
        ) : (
          <span class="start-skeletons">
            <span class="visually-hidden">{t('conversation.loadingOlder')}</span>
            <span class="skeleton skeleton-bubble" />
            <span class="skeleton skeleton-bubble" />
          </span>
        )}
      </div>
    )
  }
  const { kind, name } = conversation.identity.value
  return <div class="start"><p class="start-text">{t(`conversation.empty.${kind}`, { name })}</p></div>
}
