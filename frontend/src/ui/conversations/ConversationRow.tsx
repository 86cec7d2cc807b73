/** One conversation in the list. */
import { type ReadonlySignal, type Signal, useComputed } from '@preact/signals'
import type { ConversationIdentity, ListedConversation } from '../../core/model'
import { list, t } from '../../i18n'
import { fullTime, listTime } from '../../lib/time'
import { today } from '../../lib/today'
import { visibleText } from '../../lib/visibleText'
import { hashForRoute, openConversation, route } from '../app/route'
import { useIsOnline } from '../app/usePresence'
import { Avatar } from '../primitives/Avatar'
import { Icon, type IconName } from '../primitives/Icon'
import type { AnchorRect } from '../primitives/Menu'
import { useLongPress } from '../primitives/useLongPress'

/** Higher counts show as this many and a plus sign. */
const UNREAD_SHOWN_MAX = 999

/** The menu of a row: its conversation, and where it opens. */
export interface RowMenu {
  id: string
  anchorRect: AnchorRect
}

interface Props {
  conversation: ListedConversation
  /** The id of the row that is a Tab stop. */
  tabStopId: ReadonlySignal<string>
  menu: Signal<RowMenu | null>
}

export function ConversationRow({ conversation, tabStopId, menu }: Props) {
  const { id, kind, name, peer, at_ms, unread, mentions, settings } = conversation.summary.value
  const isOnline = useIsOnline(() => conversation.identity.value.peer?.user_id).value
  const open = useComputed(() => route.value.conversationId === id).value
  const tabIndex = useComputed(() => (tabStopId.value === id ? 0 : -1)).value
  const isUnread = unread > 0 || settings.marked_unread
  const onMenu = (anchorRect: AnchorRect) => (menu.value = { id, anchorRect })
  const longPress = useLongPress(onMenu)
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    openConversation(id)
  }
  return (
    <>
      <a
        data-id={id}
        tabIndex={tabIndex}
        class={isUnread && !settings.muted ? 'row row-unread' : 'row'}
        href={hashForRoute({ conversationId: id, panel: null })}
        aria-current={open ? 'page' : undefined}
        onClick={onClick}
        {...longPress}
      >
        <Avatar id={peer?.user_id ?? id} name={name} group={kind === 'group'} online={isOnline} />
        <span class="row-text">
          <span class="row-line">
            <span class="row-name"><bdi>{name}</bdi></span>
            {isOnline && <span class="visually-hidden">{t('presence.online')}</span>}
            {settings.muted && <StatusIcon icon="muted" label={t('list.muted')} />}
            {settings.pinned && <StatusIcon icon="pin" label={t('list.pinned')} />}
            {at_ms > 0 && (
              <time class="row-time" dateTime={new Date(at_ms).toISOString()} title={fullTime(at_ms)}>
                {listTime(at_ms, today.value)}
              </time>
            )}
          </span>
          <span class="row-line">
            <Preview conversation={conversation} open={open} />
            {mentions > 0 && (
              <span class="badge badge-mention">
                <span aria-hidden="true">@</span>
                <span class="visually-hidden">{t('list.mentions', { count: mentions })}</span>
              </span>
            )}
            {unread === 0 && settings.marked_unread && <span class="badge badge-dot"><span class="visually-hidden">{t('list.markedUnread')}</span></span>}
            {unread > 0 && (
              <span class={settings.muted ? 'badge badge-muted' : 'badge'}>
                <span aria-hidden="true">{unread > UNREAD_SHOWN_MAX ? t('list.unreadMax', { max: UNREAD_SHOWN_MAX }) : unread}</span>
                <span class="visually-hidden">{t('list.unread', { count: unread })}</span>
              </span>
            )}
          </span>
        </span>
      </a>
      <button
        type="button"
        class="row-more"
        aria-label={t('list.actions', { name })}
        aria-haspopup="dialog"
        data-id={id}
        tabIndex={tabIndex}
        onClick={(event) => onMenu(event.currentTarget.getBoundingClientRect())}
      />
    </>
  )
}

function StatusIcon({ icon, label }: { icon: IconName; label: string }) {
  return <span class="row-icon" role="img" aria-label={label} title={label}><Icon name={icon} /></span>
}

function Preview({ conversation, open }: { conversation: ListedConversation; open: boolean }) {
  const { kind, preview } = conversation.summary.value
  const typing = conversation.typingNames.value
  if (typing.length > 0) return <span class="row-preview row-typing">{typingText(kind, typing)}</span>
  // The draft of the open conversation is not read: it changes with each keystroke.
  if (!open && conversation.draft.value.trim()) {
    return (
      <span class="row-preview">
        <span class="row-draft">{t('list.draft')}</span> <bdi>{conversation.draft.value}</bdi>
      </span>
    )
  }
  if (!preview) return <span class="row-preview">{t('list.noMessages')}</span>
  if (preview.deleted) return <span class="row-preview tombstone">{t('message.deleted')}</span>
  const author = preview.own ? t('list.you') : kind === 'group' && preview.author ? t('list.author', { name: preview.author }) : ''
  return (
    <span class="row-preview">
      {preview.failed && <span class="row-pending row-failed"><Icon name="warning" /><span class="visually-hidden">{t('list.failed')}</span></span>}
      {preview.pending && <span class="row-pending"><Icon name="clock" /><span class="visually-hidden">{t('list.sending')}</span></span>}
      {author && <><bdi class="row-author">{author}</bdi> </>}
      <bdi>{visibleText(preview.body)}</bdi>
    </span>
  )
}

export function typingText(kind: ConversationIdentity['kind'], names: readonly string[]): string {
  if (kind === 'direct') return t('typing.direct')
  return t(names.length === 1 ? 'typing.one' : 'typing.many', { names: list([...names]) })
}
