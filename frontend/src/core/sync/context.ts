/** What the conversations of a user share, and how they report back to the workspace. */
import type { Api } from '../net/api'
import type { Http } from '../net/http'
import type { MessageCreated, Presence } from '../net/protocol'
import type { Db } from '../storage/db'
import type { Drafts } from '../storage/drafts'
import type { Outbox } from './outbox'
import type { Profiles } from './profiles'

export interface ConversationContext {
  me: string
  api: Api
  http: Http
  db: Db
  drafts: Drafts
  outbox: Outbox
  profiles: Profiles
  sendFrame(frame: { action: 'typing'; conversation_id: string }): void
  /** Store the presence of `userIds`; changes are pushed until `until` (ms). */
  setPresence(userIds: readonly string[], presence: readonly Presence[], until: number): void
  /** Called for each new message of another user. */
  onNewMessage(conversationId: string, event: MessageCreated): void
  /** Called when the user is no longer a member. */
  onLeft(conversationId: string): void
}
