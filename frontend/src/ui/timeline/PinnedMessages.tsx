/** Pinned messages: the newest in a bar, all of them in a dialog. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { setPinned } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import type { MessageCreated, PinsResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { fullTime, listTime } from '../../lib/time'
import { today } from '../../lib/today'
import { visibleText } from '../../lib/visibleText'
import { useStableComputed } from '../app/useStableComputed'
import { viewStateOf } from '../conversations/viewState'
import { IconButton } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Icon } from '../primitives/Icon'

export function PinnedMessages({ conversation }: { conversation: ConversationModel }) {
  const { events, loaded } = usePinnedMessages(conversation)
  const open = useSignal(false)
  const newest = events.at(-1)
  if (!newest) return loaded.value ? null : <div class="pins" aria-hidden="true" />
  const scrollTo = (seq: number) => {
    open.value = false
    viewStateOf(conversation).scrollTarget.value = seq
  }
  return (
    <div class="pins">
      <button type="button" class="pin-bar" onClick={() => scrollTo(newest.seq)}>
        <Icon name="pin" />
        <span class="pin-text">
          <span class="pin-title">{t('pins.title', { count: events.length })}</span>
          <bdi class="pin-body">{visibleText(newest.message.body)}</bdi>
        </span>
      </button>
      <IconButton icon="list" label={t('pins.all')} onClick={() => (open.value = true)} />
      {open.value && <PinnedMessageList conversation={conversation} events={events} onSelect={scrollTo} onClose={() => (open.value = false)} />}
    </div>
  )
}

/** Load the pinned messages, and again only when they change. */
function usePinnedMessages(conversation: ConversationModel) {
  const events = useSignal<MessageCreated[]>([])
  const loaded = useSignal(false)
  const seqs = useStableComputed(() => conversation.details.value?.pinned ?? []).value
  const edits = useStableComputed(() =>
    conversation.timeline.value
      .filter((item) => item.kind === 'message' && item.seq !== null && (conversation.details.value?.pinned ?? []).includes(item.seq))
      .map((item) => item.kind === 'message' && item.body),
  ).value
  useEffect(() => {
    const load = conversation.act(async ({ http, path }) => (events.value = (await http.get<PinsResponse>(path('/pins'))).events))
    void load.then(() => (loaded.value = true))
  }, [conversation, seqs, edits])
  return { events: events.value.filter((event) => seqs.includes(event.seq)), loaded }
}

interface ListProps {
  conversation: ConversationModel
  events: MessageCreated[]
  onSelect: (seq: number) => void
  onClose: () => void
}

function PinnedMessageList({ conversation, events, onSelect, onClose }: ListProps) {
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
