/** Builds the items of a timeline from the log and the outbox: a pure function. */
import type { QuotedMessage, TimelineItem } from '../model'
import type { Event, MessageCreated, User } from '../net/protocol'
import type { OutgoingMessage } from '../net/types'

/** The user that the timeline is built for. */
export interface Viewer {
  me: string
  kind: 'direct' | 'group'
  user(userId: string): User
}

/** Items built before, by event: an item is rebuilt only if it would look different. */
export type TimelineCache = WeakMap<Event, TimelineItem>

/**
 * Return the items for `events` (ascending), followed by those for unsent messages. An outgoing message that is
 * already in the log is left out; it keeps its key, so its bubble turns from pending to sent without a duplicate.
 */
export function buildTimeline(
  events: readonly Event[],
  outgoing: readonly OutgoingMessage[],
  viewer: Viewer,
  cache: TimelineCache = new WeakMap(),
): TimelineItem[] {
  const items: TimelineItem[] = []
  for (const event of events) {
    const cached = cache.get(event)
    const item = cached && isCurrent(cached, viewer) ? cached : toItem(event, viewer)
    if (!item) continue
    cache.set(event, item)
    items.push(item)
  }
  if (outgoing.length === 0) return items
  const sent = new Set<string>()
  for (const item of items) if (item.kind === 'message' && item.own) sent.add(item.key)
  const author = viewer.user(viewer.me)
  for (const message of outgoing) {
    const key = messageKey(viewer.me, message.client_message_id)
    if (sent.has(key)) continue
    const quote = message.reply_to !== undefined && quoteFromLog(message.reply_to, events, viewer)
    const item = { kind: 'message', key, seq: null, at_ms: message.at_ms, author, own: true, body: message.body, ...(quote && { quote }) } as const
    items.push(message.failed ? { ...item, state: 'failed', error: message.failed } : { ...item, state: 'pending' })
  }
  return items
}

/** Return a key that stays the same from the outbox to the log. It names the sender because clients choose message ids. */
export const messageKey = (actorId: string, clientMessageId: string): string => `${actorId}/${clientMessageId}`

/** Return the client_message_id in a key of `messageKey`. */
export const clientMessageIdIn = (key: string): string => key.slice(key.indexOf('/') + 1)

function toItem(event: Event, { me, kind, user }: Viewer): TimelineItem | null {
  const actor = user(event.actor_id)
  switch (event.type) {
    case 'message.created':
      return {
        kind: 'message',
        key: messageKey(event.actor_id, event.message.client_message_id),
        seq: event.seq,
        at_ms: event.at_ms,
        author: actor,
        own: event.actor_id === me,
        body: event.message.body,
        state: 'sent',
        message: event.message,
        ...quoteOf(event, user),
      }
    case 'conversation.created':
    case 'conversation.updated':
    case 'member.added':
    case 'member.removed':
    case 'member.role_changed': {
      // Direct conversations show no notices.
      if (kind === 'direct') return null
      const notice = { kind: 'notice', key: `notice/${event.seq}`, seq: event.seq, at_ms: event.at_ms, event, actor } as const
      return 'user_id' in event ? { ...notice, subject: user(event.user_id) } : notice
    }
    case 'message.edited':
    case 'message.deleted':
    case 'message.pinned':
    case 'message.unpinned':
    case 'reaction.added':
    case 'reaction.removed':
      return null
    default:
      return noItem(event)
  }
}

/** Return null for an event type that this version does not know. TypeScript reports a type of the protocol that `toItem` lacks. */
const noItem = (_event: never): null => null

function quoteOf({ message, quote }: MessageCreated, user: Viewer['user']): { quote?: QuotedMessage } {
  if (message.reply_to === undefined) return {}
  const author = quote ? user(quote.actor_id) : null
  return { quote: { seq: message.reply_to, author, body: quote?.body ?? '', deleted: quote?.deleted_at_ms !== undefined } }
}

/** Return the message at `seq` as the quote of a reply that is not sent yet. */
function quoteFromLog(seq: number, events: readonly Event[], { user }: Viewer): QuotedMessage {
  const event = events[seq - (events[0]?.seq ?? 0)]
  if (event?.type !== 'message.created') return { seq, author: null, body: '', deleted: false }
  return { seq, author: user(event.actor_id), body: event.message.body, deleted: event.message.deleted_at_ms !== undefined }
}

function isCurrent(item: TimelineItem, { user }: Viewer): boolean {
  if (item.kind === 'message') {
    const quoted = item.quote?.author
    return item.author === user(item.author.user_id) && (!quoted || quoted === user(quoted.user_id))
  }
  return item.actor === user(item.actor.user_id) && (!item.subject || item.subject === user(item.subject.user_id))
}
