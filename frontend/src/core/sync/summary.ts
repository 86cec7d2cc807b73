/** A conversation's entry in the list, and how events update it: pure functions. */
import { t } from '../../i18n'
import { displayName } from '../displayName'
import type { ConversationSummary } from '../model'
import type { Conversation, ConversationEntry, ConversationUpdated, Event, Member, Settings, User } from '../net/protocol'
import type { OutgoingMessage } from '../net/types'
import { pinnedAfter } from './applyChange'

export const DEFAULT_SETTINGS: Settings = { muted: false, archived: false, pinned: false, marked_unread: false }

/** Return `entry` after `events`, which must all be newer than it. */
export function applyEvents(entry: ConversationEntry, events: readonly Event[], me: string): ConversationEntry {
  let { conversation, unread_mentions = 0, last_message } = entry
  for (const event of events) {
    if (event.type === 'message.created') {
      last_message = event
      if (event.actor_id !== me && Object.values(event.message.mentions ?? {}).includes(me)) unread_mentions++
    }
    if ('target_seq' in event) {
      // A pin of a message from before the user's history is not shown, as on the server.
      if (event.target_seq >= (entry.history_from ?? 1)) conversation = { ...conversation, pinned: pinnedAfter(conversation.pinned, event) }
      if (last_message?.seq === event.target_seq && event.message) last_message = { ...last_message, message: event.message }
    }
    if (event.type === 'conversation.updated') conversation = { ...conversation, ...updatedFields(event) }
    const { seq, message_count, type } = event
    const member_count = (conversation.member_count ?? 0) + (type === 'member.added' ? 1 : type === 'member.removed' ? -1 : 0)
    conversation = { ...conversation, last_seq: seq, message_count, member_count }
  }
  // As on the server: after the user's own message nothing is unread until another member writes.
  const unread = last_message?.actor_id === me ? 0 : countUnread(conversation, entry.read_count)
  return { ...entry, conversation, unread, unread_mentions, ...(last_message && { last_message }) }
}

/** Count the messages after the first `readCount`. */
const countUnread = ({ message_count }: Conversation, readCount: number): number => Math.max(message_count - readCount, 0)

/** Return the server's entry, unless more was read here in the meantime: that is kept. */
export function mergeServerEntry(current: ConversationEntry | null, entry: ConversationEntry): ConversationEntry {
  if (!current || current.read_seq <= entry.read_seq) return entry
  const { read_seq, read_count, unread_mentions } = current
  return markReadUpTo({ ...entry, ...(unread_mentions !== undefined && { unread_mentions }) }, read_seq, read_count)
}

/** Return `entry` read up to `seq`, the last of `readCount` messages; `mentions` is the number of unread ones left, if known. */
export function markReadUpTo(
  entry: ConversationEntry,
  seq: number,
  readCount = entry.read_count,
  mentions = entry.unread_mentions ?? 0,
): ConversationEntry {
  const unread = countUnread(entry.conversation, readCount)
  const settings = entry.settings && { ...entry.settings, marked_unread: false }
  return {
    ...entry,
    read_seq: seq,
    read_count: readCount,
    unread: Math.min(entry.unread, unread),
    unread_mentions: unread === 0 ? 0 : mentions,
    ...(settings && { settings }),
  }
}

/** Return the conversation's fields in a `conversation.updated`, without those that every event has. */
function updatedFields({ type, seq, at_ms, actor_id, message_count, ...fields }: ConversationUpdated): Partial<Conversation> {
  return fields
}

/** Count the messages up to `seq`; undefined if that event is not in `events`. */
export function messageCountAt(entry: ConversationEntry | null, events: readonly Event[], seq: number): number | undefined {
  if (!entry) return undefined
  if (seq >= entry.conversation.last_seq) return entry.conversation.message_count
  return events[seq - (events[0]?.seq ?? 0)]?.message_count
}

export interface SummaryInput {
  id: string
  me: string
  entry: ConversationEntry | null
  members: readonly Member[]
  outgoing: readonly OutgoingMessage[]
  user(userId: string): User
}

export function summarize({ id, me, entry, members, outgoing, user }: SummaryInput): ConversationSummary {
  const others = members.filter((member) => member.user_id !== me).map((member) => user(member.user_id))
  const kind = entry?.conversation.kind ?? 'direct'
  const peer = kind === 'direct' ? others[0] : undefined
  const unsent = outgoing.at(-1)
  const last = entry?.last_message
  const own = last?.actor_id === me
  const lastPreview = last && {
    author: kind === 'group' && !own ? displayName(user(last.actor_id)) : null,
    own,
    body: last.message.body,
    pending: false,
    ...(last.message.deleted_at_ms && { deleted: true }),
  }
  return {
    id,
    kind,
    name: (peer ? displayName(peer) : entry?.conversation.title) || others.map(displayName).join(', ') || t('conversation.untitledGroup'),
    ...(peer && { peer }),
    preview: unsent ? { author: null, own: true, body: unsent.body, pending: !unsent.failed, ...(unsent.failed && { failed: true }) } : (lastPreview ?? null),
    at_ms: Math.max(unsent?.at_ms ?? 0, last?.at_ms ?? entry?.conversation.created_at_ms ?? 0),
    unread: entry?.unread ?? 0,
    mentions: entry?.unread ? (entry.unread_mentions ?? 0) : 0,
    settings: entry?.settings ?? DEFAULT_SETTINGS,
  }
}
