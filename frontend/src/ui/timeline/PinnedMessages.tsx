/** Pinned messages: the newest in a bar; a dialog shows all of them. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import type { MessageCreated, PinsResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { visibleText } from '../../lib/visibleText'
import { LoadingDialog } from '../app/Loading'
import { lazy } from '../app/lazy'
import { useStableComputed } from '../app/useStableComputed'
import { viewStateOf } from '../conversations/viewState'
import { IconButton } from '../primitives/Button'
import { Icon } from '../primitives/Icon'

const PinnedMessageList = lazy(() => import('./PinnedMessageList').then((m) => m.PinnedMessageList), LoadingDialog)

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
