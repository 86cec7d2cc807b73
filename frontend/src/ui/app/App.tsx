/** The root view: picks the screen for the session, and sets the page title and announcements. */
import { displayName } from '../../core/displayName'
import '../../styles/index.css'
import { useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Model } from '../../core/model'
import { t } from '../../i18n'
import { announce, announced } from '../../lib/announcer'
import { closeNotifications, notify } from '../../lib/notify'
import { applyPreferences } from '../../lib/preferences'
import { followClock } from '../../lib/today'
import { visibleText } from '../../lib/visibleText'
import { ModelContext, useModel } from './context'
import { lazy } from './lazy'
import { followAddressBar, openConversation, replaceWithList, route } from './route'
import { SplashScreen } from './SplashScreen'

const Auth = lazy(() => import('../auth/Auth').then((m) => m.Auth), SplashScreen)
const Shell = lazy(() => import('./Shell').then((m) => m.Shell), SplashScreen)
const Onboarding = lazy(() => import('../auth/Onboarding').then((m) => m.Onboarding), SplashScreen)

export function App({ model }: { model: Model }) {
  useEffect(applyPreferences, [])
  useEffect(followAddressBar, [])
  useEffect(followClock, [])
  useTitle(model)
  useMessageAnnouncements(model)
  useUserChange(model)
  return (
    <ModelContext.Provider value={model}>
      <Screen />
      <div class="visually-hidden" role="status" aria-live="polite">{announced}</div>
    </ModelContext.Provider>
  )
}

function Screen() {
  const session = useModel().session.value
  switch (session.state) {
    case 'starting':
      return <SplashScreen />
    case 'signed-in':
      // Keyed by the user: no view, and no state of one, outlives a change of user.
      return session.me.handle === null ? <Onboarding key={session.me.user_id} /> : <Shell key={session.me.user_id} />
    default:
      return <Auth session={session} />
  }
}

function useTitle(model: Model): void {
  useSignalEffect(() => {
    const open = model.conversations.value?.find((c) => c.id === route.value.conversationId)
    const rest = open ? t('app.title', { name: open.identity.value.name }) : t('app.name')
    const count = model.session.value.state === 'signed-in' ? model.totalUnread.value : 0
    document.title = count > 0 ? t('app.titleUnread', { count, rest }) : rest
  })
}

/** Announce new messages to screen readers, and show desktop notifications. */
function useMessageAnnouncements(model: Model): void {
  useEffect(
    () =>
      model.onMessage(({ conversationId, conversationName, author, body: source }) => {
        const body = visibleText(source)
        const name = displayName(author)
        const direct = conversationName === name
        announce(
          direct
            ? t('message.announceDirect', { name, body })
            : t('message.announce', { name, conversation: conversationName, body }),
        )
        const title = direct ? name : `${name} · ${conversationName}`
        notify(title, body, conversationId, () => openConversation(conversationId))
      }),
    [model],
  )
}

/** Remove what the page itself holds of a user who signed out, in this tab or another. */
function useUserChange(model: Model): void {
  const shown = useRef<string | null>(null)
  useSignalEffect(() => {
    const session = model.session.value
    const user = session.state === 'signed-in' ? session.me.user_id : null
    if (shown.current !== null && shown.current !== user) {
      announced.value = ''
      closeNotifications()
      replaceWithList()
    }
    shown.current = user
  })
}
