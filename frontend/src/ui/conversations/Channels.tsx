/** Finds public channels by the words of their titles, and joins one. */
import { useSignal, useSignalEffect } from '@preact/signals'
import { join } from '../../core/actions'
import type { ChannelsAnswer, Preview } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { openConversation } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'

const DEBOUNCE_MS = 150
const WORD = /[\p{L}\p{N}]{2}/u

function Found({ channel, onJoin }: { channel: Preview; onJoin: (id: string) => Promise<void> }) {
  const { conversation_id: id, title, description, member_count } = channel
  const mine = useModel().conversations.value?.some((each) => each.id === id) ?? false
  const members = t('conversation.members', { count: member_count })
  return (
    <li class="item">
      <Avatar id={id} name={title ?? ''} group />
      <span class="item-text">
        <span class="item-title"><bdi>{title}</bdi></span>
        <span class="item-detail"><bdi>{description ? t('channels.about', { members, about: description }) : members}</bdi></span>
      </span>
      <button
        type="button"
        class="text-button"
        aria-label={t(mine ? 'channels.openLabel' : 'channels.joinLabel', { name: title ?? '' })}
        onClick={() => (mine ? openConversation(id) : void onJoin(id))}
      >
        {t(mine ? 'channels.open' : 'invite.join')}
      </button>
    </li>
  )
}

export function Channels({ onClose }: { onClose: () => void }) {
  const model = useModel()
  const query = useSignal('')
  const found = useSignal<Preview[] | null>(null)
  const problem = useSignal<string | null>(null)
  useSignalEffect(() => {
    const q = query.value.trim()
    if (!WORD.test(q)) {
      found.value = null
      return undefined
    }
    let stale = false
    const timer = setTimeout(async () => {
      const answer = await model.ask(({ http }) => http.get<ChannelsAnswer>('/channels', { q }))
      if (stale) return
      problem.value = 'problem' in answer ? answer.problem.message : null
      if ('answer' in answer) found.value = answer.answer.channels
    }, DEBOUNCE_MS)
    return () => {
      stale = true
      clearTimeout(timer)
    }
  })
  const enter = async (id: string) => {
    const joined = await model.ask(join({ channel: id }))
    if ('answer' in joined) openConversation(joined.answer)
    else problem.value = joined.problem.message
  }
  return (
    <Dialog title={t('channels.title')} onClose={onClose}>
      <div class="dialog-body channels">
        <Field
          label={t('channels.search')}
          name="channel"
          type="search"
          icon="search"
          autofocus
          autocomplete="off"
          value={query.value}
          onValue={(value) => (query.value = value)}
        />
        {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
        {found.value && found.value.length > 0 ? (
          <ul class="item-list">
            {found.value.map((channel) => <Found key={channel.conversation_id} channel={channel} onJoin={enter} />)}
          </ul>
        ) : (
          <p class="picker-note" role="status">{found.value ? t('channels.none') : t('channels.hint')}</p>
        )}
      </div>
    </Dialog>
  )
}
