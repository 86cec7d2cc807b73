/** The signed-in layout: the list and the open conversation; on a narrow screen, one at a time. */
import { useEffect } from 'preact/hooks'
import { t } from '../../i18n'
import { isTextInput, shortcutFor, type Shortcut } from '../../lib/keyboard'
import { ConversationList } from '../conversations/ConversationList'
import { ConversationView } from '../conversations/ConversationView'
import { Button } from '../primitives/Button'
import { BubblesArt, EmptyState } from '../primitives/EmptyState'
import { useModel } from './context'
import { LoadingDialog } from './Loading'
import { lazy, preloadViews } from './lazy'
import { closeConversation, closePanel, openConversation, openPanel, type Panel, route } from './route'

const NewConversation = lazy(() => import('../conversations/NewConversation').then((m) => m.NewConversation), LoadingDialog)
const Channels = lazy(() => import('../conversations/Channels').then((m) => m.Channels), LoadingDialog)
const JoinByInvite = lazy(() => import('../conversations/JoinByInvite').then((m) => m.JoinByInvite), LoadingDialog)
const ConversationDetails = lazy(() => import('../conversations/ConversationDetails').then((m) => m.ConversationDetails), LoadingDialog)
const Settings = lazy(() => import('../settings/Settings').then((m) => m.Settings), LoadingDialog)
const TwoStep = lazy(() => import('../settings/TwoStep').then((m) => m.TwoStep), LoadingDialog)
const Administration = lazy(() => import('../settings/Administration').then((m) => m.Administration), LoadingDialog)
const Shortcuts = lazy(() => import('../settings/Shortcuts').then((m) => m.Shortcuts), LoadingDialog)

/** How long after the start the other views are preloaded. */
const PRELOAD_DELAY_MS = 3000

export function Shell() {
  const { conversationId, panel } = route.value
  useShortcuts()
  useEffect(() => {
    const timer = setTimeout(() => void preloadViews(), PRELOAD_DELAY_MS)
    return () => clearTimeout(timer)
  }, [])
  return (
    <main class={conversationId === null ? 'shell' : 'shell shell-open'}>
      <a class="skip-link" href="#conversation" onClick={skipToConversation}>{t('app.skip')}</a>
      <ConversationList />
      <div class="pane-main" id="conversation" tabIndex={-1}>
        {conversationId === null ? <Welcome /> : <ConversationView key={conversationId} id={conversationId} />}
      </div>
      {panel !== null && <PanelView panel={panel} conversationId={conversationId} />}
    </main>
  )
}

function PanelView({ panel, conversationId }: { panel: Panel; conversationId: string | null }) {
  switch (panel) {
    case 'new':
      return <NewConversation onClose={closePanel} />
    case 'channels':
      return <Channels onClose={closePanel} />
    case 'invite':
      return <JoinByInvite key={route.value.token} token={route.value.token ?? ''} onClose={closePanel} />
    case 'settings':
      return <Settings onClose={closePanel} />
    case 'two-step':
      return <TwoStep onClose={closePanel} />
    case 'shortcuts':
      return <Shortcuts onClose={closePanel} />
    case 'administration':
      return <Administration onClose={closePanel} />
    case 'details':
      return conversationId === null ? null : <ConversationDetails key={conversationId} id={conversationId} onClose={closePanel} />
  }
}

function Welcome() {
  return (
    <EmptyState art={<BubblesArt />} title={t('welcome.title')}>
      <p class="empty-text">{t('welcome.text')}</p>
      <Button kind="primary" onClick={() => openPanel('new')}>{t('list.new')}</Button>
      <p class="empty-note">
        <ShortcutHint text={t('welcome.shortcuts')} />
      </p>
    </EmptyState>
  )
}

/** Text in which `{key}` shows as a key. */
function ShortcutHint({ text }: { text: string }) {
  const [before, after] = text.split('{key}')
  return <>{before}<kbd>?</kbd>{after}</>
}

// The fragment is the route, so the browser cannot follow the link.
function skipToConversation(event: MouseEvent): void {
  event.preventDefault()
  document.getElementById('conversation')?.focus()
}

/** Whether Escape closes the conversation: in the search field it clears the field instead. */
function escapeCloses(target: EventTarget | null): boolean {
  const searching = target instanceof HTMLInputElement && target.name === 'filter'
  return !searching && route.value.conversationId !== null
}

function useShortcuts(): void {
  const model = useModel()
  useEffect(() => {
    const step = (by: 1 | -1) => {
      const ids = model.conversations.value?.map((c) => c.id) ?? []
      const current = ids.indexOf(route.value.conversationId ?? '')
      const next = ids[current < 0 ? 0 : current + by]
      if (next !== undefined) openConversation(next)
    }
    const actions: Record<Shortcut, () => void> = {
      next: () => step(1),
      previous: () => step(-1),
      new: () => openPanel('new'),
      help: () => openPanel('shortcuts'),
      search: () => document.querySelector<HTMLInputElement>('input[name="filter"]')?.focus(),
      escape: () => closeConversation(),
    }
    const onKey = (event: KeyboardEvent) => {
      // No shortcuts while a dialog is open.
      if (event.defaultPrevented || route.value.panel !== null || document.querySelector('dialog[open]')) return
      const shortcut = shortcutFor(event, isTextInput(event.target))
      if (!shortcut || (shortcut === 'escape' && !escapeCloses(event.target))) return
      if (shortcut !== 'escape') event.preventDefault()
      actions[shortcut]()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [model])
}
