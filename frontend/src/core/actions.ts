/**
 * What people do beyond writing, as values: `conversation.act(edit(7, 'Hello'))`. Part of the seam to the views, in a
 * file of its own so that each is loaded with the view that needs it.
 */
import type { Http } from './net/http'
import {
  LIMITS,
  type ChangeAnswer,
  type ConversationAnswer,
  type ConversationChange,
  type Event,
  type Presence,
  type PresenceAnswer,
  type Role,
  type SettingsAnswer,
  type SettingsChange,
  type WatchAnswer,
} from './net/protocol'

/** What a deed in a conversation can reach. */
export interface ActionContext {
  http: Http
  /** The conversation's path, with what follows it. */
  at(rest?: string): string
  /** The log has this event now. */
  settle(event: Event): Promise<void>
  merge(answer: ConversationAnswer): void
  chosen(answer: SettingsAnswer): void
  /** Reads what is new in the log. */
  catchUp(): void
  /** We are in it no longer. */
  left(): void
  seen(asked: readonly string[], presence: readonly Presence[], until: number): void
}

export type Action = (reach: ActionContext) => Promise<unknown>

/** A deed on the message at `seq`. */
function change(method: 'PUT' | 'PATCH' | 'DELETE', seq: number, rest = '', body?: unknown, before = ''): Action {
  return async ({ http, at, settle }) => {
    const { event } = await http.send<ChangeAnswer>(method, before + at(`/messages/${seq}${rest}`), body)
    if (event) await settle(event)
  }
}

export const edit = (seq: number, body: string): Action => change('PATCH', seq, '', { body })
export const remove = (seq: number): Action => change('DELETE', seq)
/** What an administrator may do to anybody's message; it is noted in their log. */
export const deleteMessageAsAdmin = (seq: number): Action => change('DELETE', seq, '', undefined, '/admin')
export const pin = (seq: number, on: boolean): Action => change(on ? 'PUT' : 'DELETE', seq, '/pin')
export const react = (seq: number, emoji: string, on: boolean): Action =>
  change(on ? 'PUT' : 'DELETE', seq, `/reactions/${encodeURIComponent(emoji)}`)

/** Settings of one's own: mute, archive, pin, mark unread. */
export const choose =
  (settings: SettingsChange): Action =>
  async ({ http, at, chosen }) =>
    chosen(await http.send('PATCH', at('/me'), settings))

/** A group's title, description and rules. */
export const updateGroup =
  (rules: ConversationChange): Action =>
  async ({ http, at, merge }) =>
    merge(await http.send('PATCH', at(), rules))

export const addMembers =
  (userIds: string[]): Action =>
  async ({ http, at, merge }) =>
    merge(await http.send('POST', at('/members'), { user_ids: userIds }))

export const removeMember =
  (userId: string): Action =>
  async ({ http, at, catchUp }) => {
    await http.send('DELETE', at(`/members/${encodeURIComponent(userId)}`))
    catchUp()
  }

/** Ends one's own membership: `me` is one's own id. */
export const leave =
  (me: string): Action =>
  async ({ http, at, left }) => {
    await http.send('DELETE', at(`/members/${encodeURIComponent(me)}`))
    left()
  }

export const setRole =
  (userId: string, role: Role): Action =>
  async ({ http, at, merge }) =>
    merge(await http.send('PATCH', at(`/members/${encodeURIComponent(userId)}`), { role }))

/**
 * Hears of the first members' coming and going for as long as the server tells of it, and looks once for as many more as
 * one request may ask for: two requests at most.
 */
export const watch =
  (userIds: string[]): Action =>
  async ({ http, at, seen }) => {
    const watched = userIds.slice(0, LIMITS.watched_max)
    const others = userIds.slice(LIMITS.watched_max, LIMITS.user_ids_max)
    const { presence } = await http.send<WatchAnswer>('PUT', at('/presence/watch'), { user_ids: watched })
    // By the clock here: the server's may differ.
    const until = Date.now() + LIMITS.watch_s * 1000
    seen(watched, presence, until)
    if (others.length === 0) return
    const looked = await http.get<PresenceAnswer>(at('/presence'), { user_ids: others.join(',') })
    seen(others, looked.presence, until)
  }

/** What is asked of the server outside of any conversation. */
export interface ApiContext {
  http: Http
  /** A conversation that is mine now. */
  take(answer: ConversationAnswer): void
}

/** Joins by a link's token, or a public channel by its id; answers the conversation's id. */
export const join =
  (way: { token: string } | { channel: string }) =>
  async ({ http, take }: ApiContext): Promise<string> => {
    const path = 'token' in way ? `/invites/${encodeURIComponent(way.token)}/accept` : `/conversations/${encodeURIComponent(way.channel)}/join`
    const answer = await http.send<ConversationAnswer>('POST', path)
    take(answer)
    return answer.conversation.conversation_id
  }
