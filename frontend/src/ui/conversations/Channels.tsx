/** Searches public channels by title, and joins one. */
import { useSignal, useSignalEffect } from '@preact/signals'
import { joinConversation } from '../../core/actions'
import type { ChannelsResponse, Preview } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { openConversation } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { TextButton } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'

const DEBOUNCE_MS = 150
const SEARCHABLE = /[\p{L}\p{N}]{2}/u

function ChannelRow({ channel, onJoin }: { channel: Preview; onJoin: (id: string) => Promise<void> }) {
  const { conversation_id: id, title, description, member_count } = channel
  const isMember = useModel().conversations.value?.some((each) => each.id === id) ?? false
  const members = t('conversation.members', { count: member_count })
  return (
    <li class="item">
      <Avatar id={id} name={title ?? ''} group />
      <span class="item-text">
        <span class="item-title"><bdi>{title}</bdi></span>
        <span class="item-detail"><bdi>{description ? t('channels.membersAndDescription', { members, description }) : members}</bdi></span>
      </span>
      <TextButton
        label={t(isMember ? 'channels.openLabel' : 'channels.joinLabel', { name: title ?? '' })}
        onClick={() => (isMember ? openConversation(id) : void onJoin(id))}
      >
        {t(isMember ? 'channels.open' : 'action.join')}
      </TextButton>
    </li>
  )
}

export function Channels({ onClose }: { onClose: () => void }) {
  const model = useModel()
  const query = useSignal('')
  const channels = useSignal<Preview[] | null>(null)
  const error = useSignal<string | null>(null)
  useSignalEffect(() => {
    const q = query.value.trim()
    if (!SEARCHABLE.test(q)) {
      channels.value = null
      return undefined
    }
    let stale = false
    const timer = setTimeout(async () => {
      const result = await model.request(({ http }) => http.get<ChannelsResponse>('/channels', { q }))
      if (stale) return
      error.value = 'error' in result ? result.error.message : null
      if ('value' in result) channels.value = result.value.channels
    }, DEBOUNCE_MS)
    return () => {
      stale = true
      clearTimeout(timer)
    }
  })
  const join = async (id: string) => {
    const joined = await model.request(joinConversation({ channel: id }))
    if ('value' in joined) openConversation(joined.value)
    else error.value = joined.error.message
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
        <FormError text={error.value} />
        {channels.value && channels.value.length > 0 ? (
          <ul class="item-list">
            {channels.value.map((channel) => <ChannelRow key={channel.conversation_id} channel={channel} onJoin={join} />)}
          </ul>
        ) : (
          <p class="picker-note" role="status">{channels.value ? t('channels.none') : t('channels.hint')}</p>
        )}
      </div>
    </Dialog>
  )
}
