/** What the conversations of one person share, and what they tell their surroundings. */
import type { Api } from './api'
import type { Conversation } from './conversation'
import type { Db } from './db'
import type { Drafts } from './drafts'
import type { Http } from './http'
import type { Outbox } from './outbox'
import type { Profiles } from './profiles'
import type { MessageCreated, Presence } from './protocol'

export interface Surroundings {
  me: string
  api: Api
  http: Http
  db: Db
  drafts: Drafts
  outbox: Outbox
  profiles: Profiles
  say(frame: { action: 'typing'; conversation_id: string }): void
  /** Who is there, and who is not. */
  seen(presence: readonly Presence[]): void
  /** A new message of someone else. */
  announce(conversation: Conversation, event: MessageCreated): void
  /** We are no longer in it. */
  left(conversationId: string): void
}
