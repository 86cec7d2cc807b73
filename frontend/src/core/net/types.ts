/** Types that the API client, storage and sync share. */
import type { UserError } from './errors'

/** A message that is not in the log yet. */
export interface OutgoingMessage {
  client_message_id: string
  conversation_id: string
  body: string
  reply_to?: number
  at_ms: number
  /** The newest seq known when the message was written: the server looks for earlier attempts after it. */
  after_seq: number
  failed: UserError | null
}
