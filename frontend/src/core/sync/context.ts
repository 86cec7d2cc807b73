/** What the conversations of one person share, and what they tell their surroundings. */
import type { Api } from '../net/api'
import type { Db } from '../storage/db'
import type { Drafts } from '../storage/drafts'
import type { Http } from '../net/http'
import type { Outbox } from './outbox'
import type { Profiles } from './profiles'
import type { MessageCreated, Presence } from '../net/protocol'

export interface ConversationContext {
  me: string
  api: Api
  http: Http
  db: Db
  drafts: Drafts
  outbox: Outbox
  profiles: Profiles
  say(frame: { action: 'typing'; conversation_id: string }): void
  /** Of those asked for, who is there and who is not; changes are told until `until` (ms). */
  seen(asked: readonly string[], presence: readonly Presence[], until: number): void
  /** A new message of someone else. */
  announce(conversationId: string, event: MessageCreated): void
  /** We are no longer in it. */
  left(conversationId: string): void
}
