/**
 * What people do beyond writing, as values: `conversation.act(edit(7, 'Hello'))`. Part of the seam to the views, in a
 * file of its own so that each is loaded with the view that needs it.
 */
import type { Http } from './http'
import type {
  ChangeAnswer,
  ConversationAnswer,
  ConversationChange,
  Event,
  Presence,
  Role,
  SettingsAnswer,
  SettingsChange,
  WatchAnswer,
} from './protocol'

/** What a deed in a conversation can reach. */
export interface Reach {
  http: Http
  /** The conversation's path, with what follows it. */
  at(rest?: string): string
  /** The log has this event now. */
  settle(event: Event): Promise<void>
  merge(answer: ConversationAnswer): void
  chosen(answer: SettingsAnswer): void
  seen(presence: readonly Presence[]): void
}

export type Deed = (reach: Reach) => Promise<unknown>

/** A deed on the message at `seq`. */
function change(method: 'PUT' | 'PATCH' | 'DELETE', seq: number, rest = '', body?: unknown): Deed {
  return async ({ http, at, settle }) => {
    const { event } = await http.send<ChangeAnswer>(method, at(`/messages/${seq}${rest}`), body)
    if (event) await settle(event)
  }
}

export const edit = (seq: number, body: string): Deed => change('PATCH', seq, '', { body })
export const remove = (seq: number): Deed => change('DELETE', seq)
export const pin = (seq: number, on: boolean): Deed => change(on ? 'PUT' : 'DELETE', seq, '/pin')
export const react = (seq: number, emoji: string, on: boolean): Deed =>
  change(on ? 'PUT' : 'DELETE', seq, `/reactions/${encodeURIComponent(emoji)}`)

/** Settings of one's own: mute, archive, pin, mark unread. */
export const choose =
  (settings: SettingsChange): Deed =>
  async ({ http, at, chosen }) =>
    chosen(await http.send('PATCH', at('/me'), settings))

/** A group's title, description and rules. */
export const setUp =
  (rules: ConversationChange): Deed =>
  async ({ http, at, merge }) =>
    merge(await http.send('PATCH', at(), rules))

export const giveRole =
  (userId: string, role: Role): Deed =>
  async ({ http, at, merge }) =>
    merge(await http.send('PATCH', at(`/members/${encodeURIComponent(userId)}`), { role }))

/** Hears of these members' coming and going for the next five minutes. */
export const watch =
  (userIds: string[]): Deed =>
  async ({ http, at, seen }) =>
    seen((await http.send<WatchAnswer>('PUT', at('/presence/watch'), { user_ids: userIds })).presence)

/** What is asked of the server outside of any conversation. */
export interface Asking {
  http: Http
  /** A conversation that is mine now. */
  take(answer: ConversationAnswer): void
}

/** Joins by a link's token, or a public channel by its id; answers the conversation's id. */
export const join =
  (way: { token: string } | { channel: string }) =>
  async ({ http, take }: Asking): Promise<string> => {
    const path = 'token' in way ? `/invites/${encodeURIComponent(way.token)}/accept` : `/conversations/${encodeURIComponent(way.channel)}/join`
    const answer = await http.send<ConversationAnswer>('POST', path)
    take(answer)
    return answer.conversation.conversation_id
  }
