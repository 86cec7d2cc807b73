/** What can be done with one message. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { pin, react, remove, deleteMessageAsAdmin } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { list, t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { displayName, useModel } from '../app/context'
import { lazy } from '../app/lazy'
import { type AnchorRect, type SentMessage, viewStateOf } from '../conversations/viewState'
import { Button } from '../primitives/Button'
import { Icon } from '../primitives/Icon'
import { Menu, MenuItem } from '../primitives/Menu'

const EmojiGrid = lazy(() => import('../emoji/EmojiGrid').then((m) => m.EmojiGrid))

const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🎉']
const MAX_SEEN_NAMES = 8

/** What had the focus is gone with the menu's first page. */
function focusFirstButton(page: HTMLElement | null): void {
  page?.querySelector('button')?.focus()
}

interface Props {
  conversation: ConversationModel
  item: SentMessage
  box: AnchorRect
  onClose: () => void
}

export function MessageMenu({ conversation, item, box, onClose }: Props) {
  const page = useSignal<'actions' | 'emoji' | 'delete' | 'administer'>('actions')
  const problem = useSignal<string | null>(null)
  const chosen = (item.message?.reactions ?? []).filter(({ user_ids }) => user_ids.includes(conversation.me)).map(({ emoji }) => emoji)

  const act = async (deed: Parameters<ConversationModel['act']>[0], done?: string) => {
    const failed = await conversation.act(deed)
    problem.value = failed?.message ?? null
    if (failed) return
    onClose()
    if (done) announce(done)
  }
  const choose = (emoji: string) => void act(react(item.seq, emoji, !chosen.includes(emoji)))

  return (
    <Menu label={t('menu.label')} box={box} onClose={onClose}>
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
      {page.value === 'emoji' && <EmojiGrid onPick={choose} />}
      {page.value === 'delete' && (
        <Ask question={t('menu.deleteAsk')} onNo={onClose} onYes={() => void act(remove(item.seq), t('message.deleted'))} />
      )}
      {page.value === 'administer' && (
        <Ask question={t('menu.administerAsk')} onNo={onClose} onYes={() => void act(deleteMessageAsAdmin(item.seq), t('message.deleted'))} />
      )}
      {page.value === 'actions' && (
        <>
          <div class="menu-quick" role="group" aria-label={t('menu.react')}>
            {QUICK.map((emoji) => (
              <button
                type="button"
                key={emoji}
                class="emoji menu-item"
                aria-label={t('menu.reactWith', { emoji })}
                aria-pressed={chosen.includes(emoji)}
                onClick={() => choose(emoji)}
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

function Ask({ question, onNo, onYes }: { question: string; onNo: () => void; onYes: () => void }) {
  return (
    <div class="menu-confirm" role="group" ref={focusFirstButton} aria-label={question}>
      <p>{question}</p>
      <div class="confirm-buttons">
        <Button onClick={onNo}>{t('action.cancel')}</Button>
        <Button kind="danger" onClick={onYes}>{t('menu.delete')}</Button>
      </div>
    </div>
  )
}

interface ActionsProps extends Omit<Props, 'box'> {
  onDelete: (as: 'delete' | 'administer') => void
  act: (deed: Parameters<ConversationModel['act']>[0], done?: string) => Promise<void>
}

function Actions({ conversation, item, onClose, onDelete, act }: ActionsProps) {
  const { isAdmin } = useModel()
  const { kind } = conversation.summary.value
  const role = conversation.members.value.find((member) => member.user_id === conversation.me)?.role
  const manages = role === 'owner' || role === 'admin'
  const mayDelete = item.own || (kind === 'group' && manages)
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
      {(kind === 'direct' || manages) && (
        <MenuItem icon="pin" label={t(pinned ? 'menu.unpin' : 'menu.pin')} onClick={() => void act(pin(item.seq, !pinned), t(pinned ? 'menu.unpinned' : 'menu.pinned'))} />
      )}
      {mayDelete && <MenuItem icon="trash" label={t('menu.delete')} danger onClick={() => onDelete('delete')} />}
      {!mayDelete && isAdmin.value && (
        <MenuItem icon="trash" label={t('menu.administer')} danger onClick={() => onDelete('administer')} />
      )}
      {kind === 'group' && item.own && <SeenBy conversation={conversation} seq={item.seq} />}
    </>
  )
}

function SeenBy({ conversation, seq }: { conversation: ConversationModel; seq: number }) {
  const count = conversation.details.value?.member_count ?? 0
  useEffect(() => {
    // In larger conversations nobody hears of it as it happens.
    if (count > LIMITS.signal_members) void conversation.refresh()
  }, [conversation])
  // Who of thousands read it cannot be said without asking for all of them.
  if (conversation.hasMoreMembers.value) return null
  const readers = conversation.members.value.filter((member) => member.user_id !== conversation.me && member.read_seq >= seq)
  const names = readers.slice(0, MAX_SEEN_NAMES).map((member) => displayName(member.user))
  if (readers.length > MAX_SEEN_NAMES) names.push(t('menu.seenMore', { count: readers.length - MAX_SEEN_NAMES }))
  return (
    <p class="menu-note">
      <Icon name="checks" />
      <span>{names.length > 0 ? t('menu.seen', { names: list(names) }) : t('menu.unseen')}</span>
    </p>
  )
}
