/** How events and receipts change the members of a conversation: pure functions. */
import type { Event, Member } from '../net/protocol'

/** `members` after `events`; null stays null: who is in it was not known. */
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

/** `members` after `userId` read up to `seq`; a cursor never moves back. */
export function applyReceipt(members: Member[] | null, userId: string, seq: number): Member[] | null {
  if (!members) return null
  return members.map((m) => (m.user_id === userId ? { ...m, read_seq: Math.max(m.read_seq, seq) } : m))
}
