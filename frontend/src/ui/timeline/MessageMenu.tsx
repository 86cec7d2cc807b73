/** The menu of a message: reactions and actions. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { setPinned, setReaction, deleteMessage, deleteMessageAsAdmin } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { list, t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { fullTime } from '../../lib/time'
import { useModel } from '../app/context'
import { LoadingPart } from '../app/Loading'
import { lazy } from '../app/lazy'
import { type SentMessage, viewStateOf } from '../conversations/viewState'
import { Button } from '../primitives/Button'
import { FormError } from '../primitives/FormError'
import { Icon } from '../primitives/Icon'
import { Menu, MenuItem, type AnchorRect } from '../primitives/Menu'

const EmojiGrid = lazy(() => import('../emoji/EmojiGrid').then((m) => m.EmojiGrid), LoadingPart)

const QUICK_REACTIONS = ['👍', '❤️', '😂', '😮', '😢', '🎉']
const MAX_SEEN_NAMES = 8

/** Focus the first button: the focused element went away with the menu's first page. */
function focusFirstButton(page: HTMLElement | null): void {
  page?.querySelector('button')?.focus()
}

interface Props {
  conversation: ConversationModel
  item: SentMessage
  anchorRect: AnchorRect
  onClose: () => void
}

export function MessageMenu({ conversation, item, anchorRect, onClose }: Props) {
  const page = useSignal<'actions' | 'emoji' | 'delete' | 'administer'>('actions')
  const error = useSignal<string | null>(null)
  const ownReactions = (item.message?.reactions ?? []).filter(({ user_ids }) => user_ids.includes(conversation.me)).map(({ emoji }) => emoji)

  const act = async (action: Parameters<ConversationModel['act']>[0], announcement?: string) => {
    const actionError = await conversation.act(action)
    error.value = actionError?.message ?? null
    if (actionError) return
    onClose()
    if (announcement) announce(announcement)
  }
  const toggleReaction = (emoji: string) => void act(setReaction(item.seq, emoji, !ownReactions.includes(emoji)))

  return (
    <Menu label={t('menu.label')} anchorRect={anchorRect} onClose={onClose}>
      <FormError text={error.value} />
      {page.value === 'emoji' && <EmojiGrid onPick={toggleReaction} />}
      {page.value === 'delete' && (
        <ConfirmDelete question={t('menu.deleteConfirm')} onCancel={onClose} onConfirm={() => void act(deleteMessage(item.seq), t('message.deleted'))} />
      )}
      {page.value === 'administer' && (
        <ConfirmDelete question={t('menu.deleteAsAdminConfirm')} onCancel={onClose} onConfirm={() => void act(deleteMessageAsAdmin(item.seq), t('message.deleted'))} />
      )}
      {page.value === 'actions' && (
        <>
          <div class="menu-quick" role="group" aria-label={t('menu.react')}>
            {QUICK_REACTIONS.map((emoji) => (
              <button
                type="button"
                key={emoji}
                class="emoji menu-item"
                aria-label={t('menu.reactWith', { emoji })}
                aria-pressed={ownReactions.includes(emoji)}
                onClick={() => toggleReaction(emoji)}
              >
                {emoji}
              </button>
            ))}
            <button type="button" class="emoji menu-item" aria-label={t('menu.moreEmoji')} title={t('menu.moreEmoji')} onClick={() => (page.value = 'emoji')}>
              <Icon name="smile" />
            </button>
          </div>
          <Actions conversation={conversation} item={item} onClose={onClose} onDelete={(as) => (page.value = as)} act={act} />
        </>
      )}
    </Menu>
  )
}

function ConfirmDelete({ question, onCancel, onConfirm }: { question: string; onCancel: () => void; onConfirm: () => void }) {
  return (
    <div class="menu-confirm" role="group" ref={focusFirstButton} aria-label={question}>
      <p>{question}</p>
      <div class="confirm-buttons">
        <Button onClick={onCancel}>{t('action.cancel')}</Button>
        <Button kind="danger" onClick={onConfirm}>{t('menu.delete')}</Button>
      </div>
    </div>
  )
}

interface ActionsProps extends Omit<Props, 'anchorRect'> {
  onDelete: (as: 'delete' | 'administer') => void
  act: (action: Parameters<ConversationModel['act']>[0], announcement?: string) => Promise<void>
}

function Actions({ conversation, item, onClose, onDelete, act }: ActionsProps) {
  const { isAdmin } = useModel()
  const { kind } = conversation.summary.value
  const role = conversation.members.value.find((member) => member.user_id === conversation.me)?.role
  const canManage = role === 'owner' || role === 'admin'
  const canDelete = item.own || (kind === 'group' && canManage)
  const pinned = conversation.details.value?.pinned.includes(item.seq) ?? false
  const compose = (mode: 'reply' | 'edit') => {
    onClose()
    viewStateOf(conversation).mode.value = { kind: mode, item }
  }
  const copy = () => {
    void navigator.clipboard?.writeText(item.body).then(() => announce(t('menu.copied')))
    onClose()
  }
  return (
    <>
      <MenuItem icon="reply" label={t('menu.reply')} onClick={() => compose('reply')} />
      <MenuItem icon="copy" label={t('menu.copy')} onClick={copy} />
      {item.own && <MenuItem icon="compose" label={t('menu.edit')} onClick={() => compose('edit')} />}
      {(kind === 'direct' || canManage) && (
        <MenuItem icon="pin" label={t(pinned ? 'menu.unpin' : 'menu.pin')} onClick={() => void act(setPinned(item.seq, !pinned), t(pinned ? 'menu.unpinned' : 'menu.pinned'))} />
      )}
      {canDelete && <MenuItem icon="trash" label={t('menu.delete')} danger onClick={() => onDelete('delete')} />}
      {!canDelete && isAdmin.value && (
        <MenuItem icon="trash" label={t('menu.deleteAsAdmin')} danger onClick={() => onDelete('administer')} />
      )}
      <p class="menu-note menu-time"><time dateTime={new Date(item.at_ms).toISOString()}>{fullTime(item.at_ms)}</time></p>
      {kind === 'group' && item.own && <SeenBy conversation={conversation} seq={item.seq} />}
    </>
  )
}

function SeenBy({ conversation, seq }: { conversation: ConversationModel; seq: number }) {
  const count = conversation.details.value?.member_count ?? 0
  useEffect(() => {
    // In larger conversations no receipts are pushed.
    if (count > LIMITS.signal_members) void conversation.refresh()
  }, [conversation])
  // Without all members loaded, the list would be incomplete.
  if (conversation.hasMoreMembers.value) return null
  const readers = conversation.members.value.filter((member) => member.user_id !== conversation.me && member.read_seq >= seq)
  const names = readers.slice(0, MAX_SEEN_NAMES).map((member) => displayName(member.user))
  if (readers.length > MAX_SEEN_NAMES) names.push(t('menu.seenMore', { count: readers.length - MAX_SEEN_NAMES }))
  return (
    <p class="menu-note">
      <Icon name="checks" />
      <span>{names.length > 0 ? t('menu.seenBy', { names: list(names) }) : t('menu.notSeen')}</span>
    </p>
  )
}
