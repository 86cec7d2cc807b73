/** The list of conversations: search, rows, and the empty states. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { displayName } from '../../core/displayName'
import { t } from '../../i18n'
import { moveFocus } from '../../lib/keyboard'
import { useMe, useModel } from '../app/context'
import { LoadingDialog } from '../app/Loading'
import { lazy } from '../app/lazy'
import { Notes } from '../app/Notes'
import { hashForRoute, openPanel, route } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Button, IconButton } from '../primitives/Button'
import { BubblesArt, EmptyState, SearchArt } from '../primitives/EmptyState'
import { Field } from '../primitives/Field'
import { Icon } from '../primitives/Icon'
import type { AnchorRect } from '../primitives/Menu'
import { RowSkeletons } from '../primitives/Skeletons'
import { ConversationRow } from './ConversationRow'

const ConversationMenu = lazy(() => import('./ConversationMenu').then((m) => m.ConversationMenu), LoadingDialog)

export function ConversationList() {
  const query = useSignal('')
  useFocusReturn()
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
      <ConnectionNote />
      <Notes />
      <div class="list-scroll">
        <Rows query={query.value.trim()} />
      </div>
      <OwnProfile />
    </nav>
  )
}

/** Focus the row of a conversation that was closed. */
function useFocusReturn(): void {
  const now = route.value.conversationId
  const before = useRef(now)
  useEffect(() => {
    if (now === null && before.current !== null) {
      const href = hashForRoute({ conversationId: before.current, panel: null })
      document.querySelector<HTMLElement>(`a[href="${CSS.escape(href)}"]`)?.focus()
    }
    before.current = now
  }, [now])
}

function Rows({ query }: { query: string }) {
  const model = useModel()
  const ref = useRef<HTMLUListElement>(null)
  const archiveIsOpen = useSignal(false)
  const menu = useSignal<{ id: string; anchorRect: AnchorRect } | null>(null)
  const all = model.conversations.value
  if (all === null) return model.listError.value ? <ListError /> : <RowSkeletons count={8} label={t('list.loading')} />
  if (all.length === 0) {
    return (
      <div class="list-empty">
        <EmptyState art={<BubblesArt />} title={t('list.empty.title')}>
          <p class="empty-text">{t('list.empty.text')}</p>
          <Button kind="primary" onClick={() => openPanel('new')}>{t('list.empty.action')}</Button>
        </EmptyState>
      </div>
    )
  }
  const needle = query.toLocaleLowerCase()
  const archived = all.filter((c) => c.settings.archived)
  const showArchive = archiveIsOpen.value && archived.length > 0
  // A search includes archived conversations.
  const candidates = query ? all : showArchive ? archived : all.filter((c) => !c.settings.archived)
  const rows = candidates.filter((c) => `${c.name} ${c.peer?.handle ?? ''}`.toLocaleLowerCase().includes(needle))
  if (rows.length === 0 && query) {
    return (
      <EmptyState art={<SearchArt />} title={t('list.noMatch.title')}>
        <p class="empty-text">{t('list.noMatch.text', { query })}</p>
        <Button onClick={() => openPanel('new')}>{t('list.noMatch.action')}</Button>
      </EmptyState>
    )
  }
  return (
    <>
    {showArchive && !query && (
      <button type="button" class="row-archive" onClick={() => (archiveIsOpen.value = false)}><Icon name="back" flip />{t('list.backFromArchive')}</button>
    )}
    <ul class="rows" ref={ref} onKeyDown={(event) => ref.current && moveFocus(event, ref.current, 'a')}>
      {rows.map((summary) => (
        <ConversationRow key={summary.id} summary={summary} open={route.value.conversationId === summary.id} onMenu={(anchorRect) => (menu.value = { id: summary.id, anchorRect })} />
      ))}
    </ul>
    {archived.length > 0 && !archiveIsOpen.value && !query && (
      <button type="button" class="row-archive" onClick={() => (archiveIsOpen.value = true)}>
        <Icon name="archive" />{t('list.archived', { count: archived.length })}
      </button>
    )}
    {menu.value && <ConversationMenu id={menu.value.id} anchorRect={menu.value.anchorRect} onClose={() => (menu.value = null)} />}
    </>
  )
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
