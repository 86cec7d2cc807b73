/** The dialog with all pinned messages. */
import { setPinned } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import type { MessageCreated } from '../../core/net/protocol'
import { t } from '../../i18n'
import { fullTime, listTime } from '../../lib/time'
import { today } from '../../lib/today'
import { visibleText } from '../../lib/visibleText'
import { IconButton } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'

interface ListProps {
  conversation: ConversationModel
  events: MessageCreated[]
  onSelect: (seq: number) => void
  onClose: () => void
}

export function PinnedMessageList({ conversation, events, onSelect, onClose }: ListProps) {
  const members = conversation.members.value
  const mayUnpin = conversation.summary.value.kind === 'direct' || members.some((m) => m.user_id === conversation.me && m.role !== 'member')
  const name = (userId: string) => {
    const author = members.find((member) => member.user_id === userId)?.user
    return author ? displayName(author) : t('user.unknown')
  }
  return (
    <Dialog title={t('pins.title', { count: events.length })} onClose={onClose}>
      <ul class="dialog-body pin-list">
        {events.toReversed().map((event) => (
          <li class="pin" key={event.seq}>
            <button type="button" class="pin-link" onClick={() => onSelect(event.seq)}>
              <span class="pin-author"><bdi>{name(event.actor_id)}</bdi> <time dateTime={new Date(event.at_ms).toISOString()} title={fullTime(event.at_ms)}>{listTime(event.at_ms, today.value)}</time></span>
              <bdi class="pin-full-body">{visibleText(event.message.body)}</bdi>
            </button>
            {mayUnpin && <IconButton icon="close" label={t('menu.unpin')} onClick={() => void conversation.act(setPinned(event.seq, false))} />}
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
