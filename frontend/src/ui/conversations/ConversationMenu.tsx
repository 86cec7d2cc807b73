/** What one may choose for oneself of a conversation. */
import { useSignal } from '@preact/signals'
import { choose } from '../../core/actions'
import type { SettingsChange } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { Menu, MenuItem } from '../primitives/Menu'
import type { AnchorRect } from './viewState'

export function ConversationMenu({ id, box, onClose }: { id: string; box: AnchorRect; onClose: () => void }) {
  const model = useModel()
  const problem = useSignal<string | null>(null)
  const summary = model.conversations.value?.find((each) => each.id === id)
  if (!summary) return null
  const { pinned, muted, archived, marked_unread } = summary.settings
  const set = (settings: SettingsChange) => async () => {
    problem.value = (await model.act(id, choose(settings)))?.message ?? null
    if (!problem.value) onClose()
  }
  return (
    <Menu label={t('list.menu')} box={box} onClose={onClose}>
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
      <MenuItem icon="pin" label={t(pinned ? 'list.unpin' : 'list.pin')} onClick={set({ pinned: !pinned })} />
      <MenuItem icon="muted" label={t(muted ? 'list.unmute' : 'list.mute')} onClick={set({ muted: !muted })} />
      <MenuItem icon="unread" label={t(marked_unread ? 'list.markRead' : 'list.markUnread')} onClick={set({ marked_unread: !marked_unread })} />
      <MenuItem icon="archive" label={t(archived ? 'list.fromArchive' : 'list.toArchive')} onClick={set({ archived: !archived })} />
    </Menu>
  )
}
