/** An open conversation: header, timeline and composer. */
import { useComputed } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import { t } from '../../i18n'
import { listTime } from '../../lib/time'
import { today } from '../../lib/today'
import { useModel } from '../app/context'
import { LoadingDialog } from '../app/Loading'
import { lazy, type LoadingProps } from '../app/lazy'
import { closeConversation, openPanel } from '../app/route'
import { usePresence } from '../app/usePresence'
import { useStableComputed } from '../app/useStableComputed'
import { Composer } from '../composer/Composer'
import { Avatar } from '../primitives/Avatar'
import { Button, IconButton } from '../primitives/Button'
import { BubblesArt, EmptyState, SearchArt } from '../primitives/EmptyState'
import { Icon } from '../primitives/Icon'
import { BubbleSkeletons } from '../primitives/Skeletons'
import { Timeline } from '../timeline/Timeline'
import { ConnectionNote } from './ConversationList'
import { typingText } from './ConversationRow'
import { viewStateOf } from './viewState'

const MessageMenu = lazy(() => import('../timeline/MessageMenu').then((m) => m.MessageMenu), LoadingDialog)
const PinnedMessages = lazy(() => import('../timeline/PinnedMessages').then((m) => m.PinnedMessages), PinsSkeleton)

export function ConversationView({ id }: { id: string }) {
  const model = useModel()
  const conversation = model.open(id)
  useEffect(() => () => model.close(id), [model, id])
  const notFound = useComputed(() => conversation.error.value?.code === 'not_found')
  // Together with the messages: later, the bar would move them.
  const hasPins = useComputed(() => conversation.timeline.value.length > 0 && (conversation.details.value?.pinned.length ?? 0) > 0)
  if (notFound.value) return <ConversationNotFound />
  return (
    <div class="conversation">
      <Header conversation={conversation} />
      {hasPins.value && <PinnedMessages conversation={conversation} />}
      <div class="connection-place only-narrow"><ConnectionNote /></div>
      <History conversation={conversation} />
      <ComposerOrNotice conversation={conversation} />
      <OpenMessageMenu conversation={conversation} />
    </div>
  )
}

/** The bar of pinned messages while it loads, so that nothing moves when it appears. A failure is not shown: it loads once there is a network. */
function PinsSkeleton({ failed }: LoadingProps) {
  return failed ? null : <div class="pins" aria-hidden="true" />
}

/** The composer, or a notice if only administrators can post. */
function ComposerOrNotice({ conversation }: { conversation: ConversationModel }) {
  const closed = useComputed(() => {
    if (conversation.details.value?.posting !== 'admins') return false
    return conversation.members.value.find((member) => member.user_id === conversation.me)?.role === 'member'
  })
  if (closed.value) return <p class="composer-closed">{t('composer.closed')}</p>
  return <Composer conversation={conversation} />
}

function OpenMessageMenu({ conversation }: { conversation: ConversationModel }) {
  const { menu } = viewStateOf(conversation)
  return menu.value && <MessageMenu key={menu.value.item.key} conversation={conversation} {...menu.value} onClose={() => (menu.value = null)} />
}

function Header({ conversation }: { conversation: ConversationModel }) {
  const { id } = conversation
  const { kind, name, peer } = conversation.identity.value
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // Without a physical keyboard the composer is not focused, so focus the heading.
    if (matchMedia('(pointer: coarse)').matches) title.current?.focus()
  }, [])
  return (
    <header class="conversation-head">
      <IconButton class="only-narrow" icon="back" flip label={t('conversation.back')} onClick={closeConversation} />
      <Avatar id={peer?.user_id ?? id} name={name} group={kind === 'group'} size="s" />
      <div class="conversation-title">
        <h1 ref={title} tabIndex={-1}><bdi>{name}</bdi></h1>
        <StatusLine conversation={conversation} />
      </div>
      <IconButton icon={kind === 'group' ? 'people' : 'person'} label={t('conversation.details', { name })} onClick={() => openPanel('details')} />
    </header>
  )
}

function StatusLine({ conversation }: { conversation: ConversationModel }) {
  const { kind } = conversation.identity.value
  const typing = conversation.typingNames.value
  const count = useComputed(() => conversation.details.value?.member_count ?? conversation.members.value.length).value
  if (typing.length > 0) {
    return (
      <p class="status-line status-line-typing">
        {typingText(kind, typing)}
        <span class="typing-dots" aria-hidden="true"><i /><i /><i /></span>
      </p>
    )
  }
  if (kind === 'group') {
    return <p class="status-line">{count > 0 ? t('conversation.members', { count }) : '\u00a0'}</p>
  }
  return <PeerPresence conversation={conversation} />
}

/** The peer's presence; their handle if they hide it. */
function PeerPresence({ conversation }: { conversation: ConversationModel }) {
  const { peer } = conversation.identity.value
  const model = useModel()
  usePresence(conversation, peer ? [peer.user_id] : [])
  const presence = useStableComputed(() => model.presence.value.get(conversation.identity.value.peer?.user_id ?? '')).value
  const lastSeenMs = presence?.last_seen_ms
  if (presence?.online) return <p class="status-line status-line-online">{t('presence.online')}</p>
  if (lastSeenMs !== undefined) return <p class="status-line">{t('presence.lastSeen', { when: listTime(lastSeenMs, today.value) })}</p>
  return <p class="status-line"><bdi>{peer?.handle ? t('user.handle', { handle: peer.handle }) : '\u00a0'}</bdi></p>
}

function History({ conversation }: { conversation: ConversationModel }) {
  const shown = useComputed(() => {
    const items = conversation.timeline.value
    // Without the details it is not known whether there are avatars, notices and pins, which would move the messages later.
    if (items.length === 0 || conversation.details.value === null) return 'nothing'
    return conversation.hasOlder.value || items.some((item) => item.kind === 'message') ? 'messages' : 'notices'
  })
  if (shown.value !== 'nothing') return shown.value === 'messages' ? <Timeline conversation={conversation} /> : <NoMessages conversation={conversation} />
  const error = conversation.error.value
  if (error) {
    return (
      <div class="history-placeholder">
        <EmptyState art={<BubblesArt />} title={t('conversation.loadError')}>
          <p class="empty-text">{error.message}</p>
          <Button onClick={() => void conversation.loadOlder()}>{t('action.retry')}</Button>
        </EmptyState>
      </div>
    )
  }
  if (conversation.loading.value === null) return <NoMessages conversation={conversation} />
  return <div class="history-placeholder"><BubbleSkeletons label={t('conversation.loading')} /></div>
}

function NoMessages({ conversation }: { conversation: ConversationModel }) {
  const { kind, name } = conversation.identity.value
  return (
    <div class="history-placeholder">
      <EmptyState art={<BubblesArt />} title={t('conversation.empty.hello')}>
        <p class="empty-text">{t(`conversation.empty.${kind}`, { name })}</p>
      </EmptyState>
    </div>
  )
}

function ConversationNotFound() {
  return (
    <div class="conversation">
      <EmptyState art={<SearchArt />} title="">
        <h1 class="empty-title">{t('conversation.notFound.title')}</h1>
        <p class="empty-text">{t('conversation.notFound.text')}</p>
        <Button onClick={closeConversation}><Icon name="back" flip /> {t('conversation.back')}</Button>
      </EmptyState>
    </div>
  )
}
