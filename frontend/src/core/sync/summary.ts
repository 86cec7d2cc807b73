/** A conversation's row in the list, and how events bring it forward: pure functions. */
import { pinnedAfter } from './applyChange'
import type { ConversationSummary } from '../model'
import type { OutgoingMessage } from './outbox'
import { displayName } from './profiles'
import type { Conversation, ConversationEntry, ConversationUpdated, Event, Member, Settings, User } from '../net/protocol'

export const DEFAULT_SETTINGS: Settings = { muted: false, archived: false, pinned: false, marked_unread: false }

/** `entry` after `news`, all of which are new to it. */
export function applyEvents(entry: ConversationEntry, news: readonly Event[], me: string): ConversationEntry {
  let { conversation, unread_mentions = 0, last_message } = entry
  for (const event of news) {
    if (event.type === 'message.created') {
      last_message = event
      if (event.actor_id !== me && Object.values(event.message.mentions ?? {}).includes(me)) unread_mentions++
    }
    if ('target_seq' in event) {
      conversation = { ...conversation, pinned: pinnedAfter(conversation.pinned, event) }
      if (last_message?.seq === event.target_seq && event.message) last_message = { ...last_message, message: event.message }
    }
    if (event.type === 'conversation.updated') conversation = { ...conversation, ...settingsOf(event) }
    const { seq, message_count, type } = event
    const member_count = (conversation.member_count ?? 0) + (type === 'member.added' ? 1 : type === 'member.removed' ? -1 : 0)
    conversation = { ...conversation, last_seq: seq, message_count, member_count }
  }
  // Whoever writes has read, until somebody else writes: the server counts so, too.
  const unread = last_message?.actor_id === me ? 0 : past(conversation, entry.read_count)
  return { ...entry, conversation, unread, unread_mentions, ...(last_message && { last_message }) }
}

/** How many messages lie past the first `readCount`. */
const past = ({ message_count }: Conversation, readCount: number): number => Math.max(message_count - readCount, 0)

/** The row that the server answers, with what was read here meanwhile. */
export function answered(now: ConversationEntry | null, answer: ConversationEntry): ConversationEntry {
  if (!now || now.read_seq <= answer.read_seq) return answer
  const { read_seq, read_count, unread_mentions } = now
  return markReadUpTo({ ...answer, ...(unread_mentions !== undefined && { unread_mentions }) }, read_seq, read_count)
}

/** `entry` read up to `seq`, where so many messages have been; `mentions` are what is left beyond, where that is known. */
export function markReadUpTo(entry: ConversationEntry, seq: number, readCount = entry.read_count, mentions = entry.unread_mentions ?? 0): ConversationEntry {
  const rest = past(entry.conversation, readCount)
  const settings = entry.settings && { ...entry.settings, marked_unread: false }
  return {
    ...entry,
    read_seq: seq,
    read_count: readCount,
    unread: Math.min(entry.unread, rest),
    unread_mentions: rest === 0 ? 0 : mentions,
    ...(settings && { settings }),
  }
}

/** What a `conversation.updated` says of the conversation: all but what every event has. */
function settingsOf({ type, seq, at_ms, actor_id, message_count, ...settings }: ConversationUpdated): Partial<Conversation> {
  return settings
}

/** How many messages there have been up to `seq`; undefined if that event is not among `events`. */
export function messageCountAt(entry: ConversationEntry | null, events: readonly Event[], seq: number): number | undefined {
  if (!entry) return undefined
  if (seq >= entry.conversation.last_seq) return entry.conversation.message_count
  return events[seq - (events[0]?.seq ?? 0)]?.message_count
}

export interface Row {
  id: string
  me: string
  entry: ConversationEntry | null
  members: readonly Member[]
  outgoing: readonly OutgoingMessage[]
  draft: string
  /** Who types, by id. */
  typing: readonly string[]
  user(userId: string): User
}

export function summarize({ id, me, entry, members, outgoing, draft, typing, user }: Row): ConversationSummary {
  const others = members.filter((member) => member.user_id !== me).map((member) => user(member.user_id))
  const kind = entry?.conversation.kind ?? 'direct'
  const peer = kind === 'direct' ? others[0] : undefined
  const waiting = outgoing.at(-1)
  const last = entry?.last_message
  const own = last?.actor_id === me
  const shown = last && {
    author: kind === 'group' && !own ? displayName(user(last.actor_id)) : null,
    own,
    body: last.message.body,
    pending: false,
    ...(last.message.deleted_at_ms && { deleted: true }),
  }
  return {
    id,
    kind,
    name: (peer ? displayName(peer) : entry?.conversation.title) || others.map(displayName).join(', ') || 'Group',
    ...(peer && { peer }),
    preview: waiting ? { author: null, own: true, body: waiting.body, pending: !waiting.failed, ...(waiting.failed && { failed: true }) } : (shown ?? null),
    at_ms: Math.max(waiting?.at_ms ?? 0, last?.at_ms ?? entry?.conversation.created_at_ms ?? 0),
    unread: entry?.unread ?? 0,
    mentions: entry?.unread ? (entry.unread_mentions ?? 0) : 0,
    settings: entry?.settings ?? DEFAULT_SETTINGS,
    draft,
    typing: typing.map((userId) => displayName(user(userId))),
  }
}
