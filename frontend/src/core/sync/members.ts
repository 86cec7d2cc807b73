/** Applies events and receipts to the members of a conversation: pure functions. */
import type { Event, Member } from '../net/protocol'

/** Return `members` after `events`; null (not loaded) stays null. */
export function applyMemberEvents(members: Member[] | null, events: readonly Event[]): Member[] | null {
  if (!members) return null
  let after = members
  for (const event of events) {
    if (event.type === 'member.added') {
      const member = { user_id: event.user_id, role: event.role, joined_seq: event.seq, read_seq: event.seq }
      after = [...after.filter((m) => m.user_id !== event.user_id), member]
    } else if (event.type === 'member.removed') {
      after = after.filter((m) => m.user_id !== event.user_id)
    } else if (event.type === 'member.role_changed') {
      after = after.map((m) => (m.user_id === event.user_id ? { ...m, role: event.role } : m))
    }
  }
  return after
}

/** Return `members` after `userId` read up to `seq`; a read cursor never moves back. */
export function applyReceipt(members: Member[] | null, userId: string, seq: number): Member[] | null {
  if (!members) return null
  return members.map((m) => (m.user_id === userId ? { ...m, read_seq: Math.max(m.read_seq, seq) } : m))
}
