/**
 * What a user can do in a conversation besides sending, as values: `conversation.act(editMessage(7, 'Hello'))`.
 * Part of the interface to the views, in a module of its own so that each action loads with the view that needs it.
 */
import type { Http } from './net/http'
import {
  LIMITS,
  type ChangeResponse,
  type ConversationResponse,
  type ConversationChange,
  type Event,
  type Presence,
  type PresenceResponse,
  type Role,
  type SettingsResponse,
  type SettingsChange,
  type WatchResponse,
} from './net/protocol'

/** What an action in a conversation can use. */
export interface ActionContext {
  http: Http
  /** Return the conversation's path followed by `rest`. */
  path(rest?: string): string
  /** Add a new event to the log; resolves when the log shows it. */
  applyEvent(event: Event): Promise<void>
  mergeConversation(response: ConversationResponse): void
  applySettings(response: SettingsResponse): void
  /** Read new events from the server. */
  catchUp(): void
  /** Called after the user left the conversation. */
  onLeft(): void
  setPresence(userIds: readonly string[], presence: readonly Presence[], until: number): void
}

export type Action = (context: ActionContext) => Promise<unknown>

/** Change the message at `seq`. */
function messageAction(method: 'PUT' | 'PATCH' | 'DELETE', seq: number, rest = '', body?: unknown, prefix = ''): Action {
  return async ({ http, path, applyEvent }) => {
    const { event } = await http.send<ChangeResponse>(method, prefix + path(`/messages/${seq}${rest}`), body)
    if (event) await applyEvent(event)
  }
}

export const editMessage = (seq: number, body: string): Action => messageAction('PATCH', seq, '', { body })
export const deleteMessage = (seq: number): Action => messageAction('DELETE', seq)
/** Delete any user's message as an administrator; the audit log records it. */
export const deleteMessageAsAdmin = (seq: number): Action => messageAction('DELETE', seq, '', undefined, '/admin')
export const setPinned = (seq: number, on: boolean): Action => messageAction(on ? 'PUT' : 'DELETE', seq, '/pin')
export const setReaction = (seq: number, emoji: string, on: boolean): Action =>
  messageAction(on ? 'PUT' : 'DELETE', seq, `/reactions/${encodeURIComponent(emoji)}`)

/** Change the user's own settings of the conversation: muted, archived, pinned, marked unread. */
export const updateSettings =
  (settings: SettingsChange): Action =>
  async ({ http, path, applySettings }) =>
    applySettings(await http.send('PATCH', path('/me'), settings))

/** Change the title, description or rules of a group. */
export const updateGroup =
  (change: ConversationChange): Action =>
  async ({ http, path, mergeConversation }) =>
    mergeConversation(await http.send('PATCH', path(), change))

export const addMembers =
  (userIds: string[]): Action =>
  async ({ http, path, mergeConversation }) =>
    mergeConversation(await http.send('POST', path('/members'), { user_ids: userIds }))

export const removeMember =
  (userId: string): Action =>
  async ({ http, path, catchUp }) => {
    await http.send('DELETE', path(`/members/${encodeURIComponent(userId)}`))
    catchUp()
  }

/** Leave the conversation; `me` is the user's own id. `block` is a user to block in the same step. */
export const leaveConversation =
  (me: string, block?: string): Action =>
  async ({ http, path, onLeft }) => {
    await http.send('DELETE', path(`/members/${encodeURIComponent(me)}${block ? `?block=${encodeURIComponent(block)}` : ''}`))
    onLeft()
  }

export const setRole =
  (userId: string, role: Role): Action =>
  async ({ http, path, mergeConversation }) =>
    mergeConversation(await http.send('PATCH', path(`/members/${encodeURIComponent(userId)}`), { role }))

/**
 * Subscribe to the presence of the first members, and read that of as many others as one request allows: at most two
 * requests.
 */
export const watchPresence =
  (userIds: string[]): Action =>
  async ({ http, path, setPresence }) => {
    const watched = userIds.slice(0, LIMITS.watched_max)
    const others = userIds.slice(LIMITS.watched_max, LIMITS.user_ids_max)
    const { presence } = await http.send<WatchResponse>('PUT', path('/presence/watch'), { user_ids: watched })
    // By this device's clock: the server's may differ.
    const until = Date.now() + LIMITS.watch_s * 1000
    setPresence(watched, presence, until)
    if (others.length === 0) return
    const read = await http.get<PresenceResponse>(path('/presence'), { user_ids: others.join(',') })
    setPresence(others, read.presence, until)
  }

/** What a request outside of a conversation can use. */
export interface ApiContext {
  http: Http
  /** Add a conversation that the user is now a member of. */
  addConversation(response: ConversationResponse): void
}

/** Join by an invite's token, or a public channel by its id; resolves to the conversation's id. */
export const joinConversation =
  (target: { token: string } | { channel: string }) =>
  async ({ http, addConversation }: ApiContext): Promise<string> => {
    const path = 'token' in target ? `/invites/${encodeURIComponent(target.token)}/accept` : `/conversations/${encodeURIComponent(target.channel)}/join`
    const response = await http.send<ConversationResponse>('POST', path)
    addConversation(response)
    return response.conversation.conversation_id
  }
