/** The route, in addresses like `#/c/<id>/details`, so that links, reload and the back button work. */
import { signal } from '@preact/signals'

export const PANELS = ['new', 'channels', 'invite', 'details', 'settings', 'two-step', 'shortcuts', 'administration'] as const
export type Panel = (typeof PANELS)[number]

export interface Route {
  conversationId: string | null
  panel: Panel | null
  /** The invite's token, for the panel `invite`. */
  token?: string
}

export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, '').split('/')
  const conversationId = parts[0] === 'c' && parts[1] ? decode(parts[1]) : null
  if (parts[0] === 'invite' && parts[1]) return { conversationId: null, panel: 'invite', token: decode(parts[1]) }
  const last = parts[conversationId === null ? 0 : 2]
  return { conversationId, panel: PANELS.find((panel) => panel === last) ?? null }
}

export function hashForRoute({ conversationId, panel, token }: Route): string {
  if (token) return `#/invite/${encodeURIComponent(token)}`
  const place = conversationId === null ? [] : ['c', encodeURIComponent(conversationId)]
  return `#/${[...place, ...(panel ? [panel] : [])].join('/')}`
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const route = signal<Route>(parseRoute(location.hash))

/** Update the route when the address changes. Returns the function that stops it. */
export function followAddressBar(): () => void {
  const read = () => (route.value = parseRoute(location.hash))
  read()
  addEventListener('popstate', read)
  return () => removeEventListener('popstate', read)
}

// Marks entries that the application pushed, so that closing can go back instead of adding to the history.
interface HistoryState {
  pushedByApp?: boolean
}

function push(next: Route): void {
  if (hashForRoute(next) === hashForRoute(route.value)) return
  history.pushState({ pushedByApp: true } satisfies HistoryState, '', hashForRoute(next))
  route.value = next
}

function replace(next: Route): void {
  history.replaceState(history.state, '', hashForRoute(next))
  route.value = next
}

function goBackOr(next: Route): void {
  if ((history.state as HistoryState | null)?.pushedByApp) history.back()
  else replace(next)
}

export function openConversation(conversationId: string): void {
  const next = { conversationId, panel: null }
  // From a dialog or another conversation, replace the entry, so that "back" leads to the list.
  if (route.value.panel !== null || route.value.conversationId !== null) replace(next)
  else push(next)
}

export function closeConversation(): void {
  goBackOr({ conversationId: null, panel: null })
}

/** Show the list in place of a conversation that the user has left, or of another user's route. */
export function replaceWithList(): void {
  replace({ conversationId: null, panel: null })
}

export function openPanel(panel: Panel): void {
  const next = { conversationId: route.value.conversationId, panel }
  if (route.value.panel === null) push(next)
  else replace(next)
}

export function closePanel(): void {
  goBackOr({ conversationId: route.value.conversationId, panel: null })
}
