/** The list of conversations: search, rows, and the empty states. */
import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals'
import { displayName } from '../../core/displayName'
import type { ListedConversation } from '../../core/model'
import { t } from '../../i18n'
import { useMe, useModel } from '../app/context'
import { LoadingDialog } from '../app/Loading'
import { lazy } from '../app/lazy'
import { Notes } from '../app/Notes'
import { openPanel, route } from '../app/route'
import { useStableComputed } from '../app/useStableComputed'
import { Avatar } from '../primitives/Avatar'
import { Button, IconButton } from '../primitives/Button'
import { BubblesArt, EmptyState, SearchArt } from '../primitives/EmptyState'
import { Field } from '../primitives/Field'
import { Icon } from '../primitives/Icon'
import { RowSkeletons } from '../primitives/Skeletons'
import type { RowMenu } from './ConversationRow'
import { WindowedRows } from './WindowedRows'

const ConversationMenu = lazy(() => import('./ConversationMenu').then((m) => m.ConversationMenu), LoadingDialog)

export function ConversationList() {
  const query = useSignal('')
  const trimmedQuery = useComputed(() => query.value.trim())
  // The page has one h1: the open conversation's name, or else the list's title.
  const Title = route.value.conversationId === null ? 'h1' : 'h2'
  return (
    <nav class="pane-list" aria-label={t('list.label')}>
      <header class="list-head">
        <Title class="list-title">{t('list.title')}</Title>
        <IconButton icon="compose" label={t('list.new')} onClick={() => openPanel('new')} />
      </header>
      <div class="list-search">
        <Field
          label={t('list.search')}
          hideLabel
          type="search"
          name="filter"
          icon="search"
          autocomplete="off"
          value={query.value}
          onValue={(value) => (query.value = value)}
          placeholder={t('list.search')}
        />
      </div>
      <Notes />
      <Rows query={trimmedQuery} />
      <div class="connection-place"><ConnectionNote /></div>
      <OwnProfile />
    </nav>
  )
}

function Rows({ query: querySignal }: { query: ReadonlySignal<string> }) {
  const model = useModel()
  const archiveIsOpen = useSignal(false)
  const menu = useSignal<RowMenu | null>(null)
  const all = model.conversations.value
  const query = querySignal.value
  const archivedCount = useComputed(() => (model.conversations.value ?? []).filter(isArchived).length)
  const showArchive = useComputed(() => archiveIsOpen.value && archivedCount.value > 0)
  const rows = useStableComputed(() => selectRows(model.conversations.value ?? [], querySignal.value, showArchive.value))
  if (all === null) return <div class="list-scroll">{model.listError.value ? <ListError /> : <RowSkeletons count={8} label={t('list.loading')} />}</div>
  if (all.length === 0) {
    return (
      <div class="list-scroll list-empty">
        <EmptyState art={<BubblesArt />} title={t('list.empty.title')}>
          <p class="empty-text">{t('list.empty.text')}</p>
          <Button kind="primary" onClick={() => openPanel('new')}>{t('list.empty.action')}</Button>
        </EmptyState>
      </div>
    )
  }
  if (rows.value.length === 0 && query) {
    return (
      <div class="list-scroll">
        <EmptyState art={<SearchArt />} title={t('list.noMatch.title')}>
          <p class="empty-text">{t('list.noMatch.text', { query })}</p>
          <Button onClick={() => openPanel('new')}>{t('list.noMatch.action')}</Button>
        </EmptyState>
      </div>
    )
  }
  return (
    <>
      {showArchive.value && !query && (
        <button type="button" class="row-archive" onClick={() => (archiveIsOpen.value = false)}><Icon name="back" flip />{t('list.backFromArchive')}</button>
      )}
      <WindowedRows rows={rows} menu={menu}>
        {archivedCount.value > 0 && !archiveIsOpen.value && !query && (
          <button type="button" class="row-archive" onClick={() => (archiveIsOpen.value = true)}>
            <Icon name="archive" />{t('list.archived', { count: archivedCount.value })}
          </button>
        )}
      </WindowedRows>
      {menu.value && <ConversationMenu {...menu.value} onClose={() => (menu.value = null)} />}
    </>
  )
}

const isArchived = (conversation: ListedConversation): boolean => conversation.summary.value.settings.archived

/** Return the conversations whose name or handle contains `query`, also archived ones; without one, those of the list or of the archive. */
function selectRows(all: readonly ListedConversation[], query: string, showArchive: boolean): readonly ListedConversation[] {
  if (!query) return all.filter((conversation) => isArchived(conversation) === showArchive)
  const needle = query.toLocaleLowerCase()
  return all.filter(({ identity }) => `${identity.value.name} ${identity.value.peer?.handle ?? ''}`.toLocaleLowerCase().includes(needle))
}

function ListError() {
  const model = useModel()
  return (
    <EmptyState art={<BubblesArt />} title={t('list.loadError')}>
      <p class="empty-text">{model.listError.value?.message}</p>
      <Button onClick={() => model.reload()}>{t('action.retry')}</Button>
    </EmptyState>
  )
}

const NOTES = {
  connecting: { icon: 'clock', text: 'connection.connecting' },
  polling: { icon: 'clock', text: 'connection.polling' },
  offline: { icon: 'offline', text: 'connection.offline' },
  suspended: { icon: 'warning', text: 'error.suspended' },
} as const

export function ConnectionNote() {
  const connection = useModel().connection.value
  if (connection === 'online') return null
  return (
    <p class={`connection connection-${connection}`} role="status">
      <Icon name={NOTES[connection].icon} />
      <span>{t(NOTES[connection].text)}</span>
    </p>
  )
}

function OwnProfile() {
  const me = useMe()
  return (
    <footer class="own-profile">
      <Avatar id={me.user_id} name={displayName(me)} size="s" />
      <span class="own-profile-text">
        <span class="own-profile-name"><bdi>{displayName(me)}</bdi></span>
        <span class="own-profile-handle"><bdi>{t('user.handle', { handle: me.handle ?? '' })}</bdi></span>
      </span>
      <IconButton icon="settings" label={t('list.settings')} onClick={() => openPanel('settings')} />
    </footer>
  )
}
