/** The menu of a conversation in the list: the user's own settings of it. */
import { useSignal } from '@preact/signals'
import { updateSettings } from '../../core/actions'
import type { SettingsChange } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { FormError } from '../primitives/FormError'
import { Menu, MenuItem, type AnchorRect } from '../primitives/Menu'

export function ConversationMenu({ id, anchorRect, onClose }: { id: string; anchorRect: AnchorRect; onClose: () => void }) {
  const model = useModel()
  const error = useSignal<string | null>(null)
  const conversation = model.conversations.value?.find((each) => each.id === id)
  if (!conversation) return null
  const { pinned, muted, archived, marked_unread } = conversation.summary.value.settings
  const save = (settings: SettingsChange) => async () => {
    error.value = (await model.act(id, updateSettings(settings)))?.message ?? null
    if (!error.value) onClose()
  }
  return (
    <Menu label={t('list.menu')} anchorRect={anchorRect} onClose={onClose}>
      <FormError text={error.value} />
      <MenuItem icon="pin" label={t(pinned ? 'list.unpin' : 'list.pin')} onClick={save({ pinned: !pinned })} />
      <MenuItem icon="muted" label={t(muted ? 'list.unmute' : 'list.mute')} onClick={save({ muted: !muted })} />
      <MenuItem icon="unread" label={t(marked_unread ? 'list.markRead' : 'list.markUnread')} onClick={save({ marked_unread: !marked_unread })} />
      <MenuItem icon="archive" label={t(archived ? 'list.unarchive' : 'list.archive')} onClick={save({ archived: !archived })} />
    </Menu>
  )
}
