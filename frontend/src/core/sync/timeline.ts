/** From the log to what a timeline shows: a pure function. */
import type { Quoted, TimelineItem } from '../model'
import type { OutgoingMessage } from './outbox'
import type { Event, MessageCreated, User } from '../net/protocol'

export interface Viewer {
  me: string
  kind: 'direct' | 'group'
  user(userId: string): User
}

/** Items made before, by event: an item is made again only when it would look different. */
export type Kept = WeakMap<Event, TimelineItem>

/**
 * The rows for `events` (ascending), then for what is still on its way. An outgoing message that the log already has
 * is left out, and keeps its key, so a bubble turns from pending to sent without a double and without a jump.
 */
export function buildTimeline(
  events: readonly Event[],
  outgoing: readonly OutgoingMessage[],
  viewer: Viewer,
  kept: Kept = new WeakMap(),
): TimelineItem[] {
  const rows: TimelineItem[] = []
  for (const event of events) {
    const before = kept.get(event)
    const row = before && isCurrent(before, viewer) ? before : itemFor(event, viewer)
    if (!row) continue
    kept.set(event, row)
    rows.push(row)
  }
  if (outgoing.length === 0) return rows
  const sent = new Set<string>()
  for (const row of rows) if (row.kind === 'message' && row.own) sent.add(row.key)
  const author = viewer.user(viewer.me)
  for (const item of outgoing) {
    const key = messageKey(viewer.me, item.client_message_id)
    if (sent.has(key)) continue
    const quote = item.reply_to !== undefined && quoteOfPending(item.reply_to, events, viewer)
    const row = { kind: 'message', key, seq: null, at_ms: item.at_ms, author, own: true, body: item.body, ...(quote && { quote }) } as const
    rows.push(item.failed ? { ...row, state: 'failed', problem: item.failed } : { ...row, state: 'pending' })
  }
  return rows
}

/** The same from the first moment of sending to the log. Of the sender too: ids are chosen by clients. */
export const messageKey = (actorId: string, clientMessageId: string): string => `${actorId}/${clientMessageId}`

/** The client_message_id in a key of `messageKey`. */
export const clientMessageIdIn = (key: string): string => key.slice(key.indexOf('/') + 1)

function itemFor(event: Event, { me, kind, user }: Viewer): TimelineItem | null {
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
        ...quoted(event, user),
      }
    case 'conversation.created':
    case 'conversation.updated':
    case 'member.added':
    case 'member.removed':
    case 'member.role_changed': {
      // Between two people it goes without saying that they are there.
      if (kind === 'direct') return null
      const notice = { kind: 'notice', key: `notice/${event.seq}`, seq: event.seq, at_ms: event.at_ms, event, actor } as const
      return 'user_id' in event ? { ...notice, subject: user(event.user_id) } : notice
    }
    default:
      // A newer server's event, which this version cannot show.
      return null
  }
}

function quoted({ message, quote }: MessageCreated, user: Viewer['user']): { quote?: Quoted } {
  if (message.reply_to === undefined) return {}
  const author = quote ? user(quote.actor_id) : null
  return { quote: { seq: message.reply_to, author, body: quote?.body ?? '', deleted: quote?.deleted_at_ms !== undefined } }
}

/** The message at `seq` as the quote of a reply that is still on its way. */
function quoteOfPending(seq: number, events: readonly Event[], { user }: Viewer): Quoted {
  const event = events[seq - (events[0]?.seq ?? 0)]
  if (event?.type !== 'message.created') return { seq, author: null, body: '', deleted: false }
  return { seq, author: user(event.actor_id), body: event.message.body, deleted: event.message.deleted_at_ms !== undefined }
}

function isCurrent(row: TimelineItem, { user }: Viewer): boolean {
  if (row.kind === 'message') {
    const quoted = row.quote?.author
    return row.author === user(row.author.user_id) && (!quoted || quoted === user(quoted.user_id))
  }
  return row.actor === user(row.actor.user_id) && (!row.subject || row.subject === user(row.subject.user_id))
}
