/** The replica, tested with the same cases as the server. */
import { expect, test, vi } from 'vitest'
import { applyEvents } from '../../../src/core/sync/summary'
import { EventLog } from '../../../src/core/sync/eventLog'
import { applyMemberEvents } from '../../../src/core/sync/members'
import type { ConversationEntry, Event, MessageCreated } from '../../../src/core/net/protocol'
import fixture from './replica-cases.json'

interface Case {
  name: string
  pushed: Event[]
  entry: ConversationEntry
  /** The events of the log that are new or changed. */
  changed: Event[]
}
const { me, before, cases } = fixture as unknown as { me: string; before: { entry: ConversationEntry; events: Event[] }; cases: Case[] }

function logOf(events: Event[], save = (_: readonly Event[]) => {}): EventLog {
  return new EventLog({
    read: () => Promise.resolve({ events: [], has_more: false }),
    load: () => Promise.resolve(events),
    save,
    latestSeq: () => 0,
    onAppended: () => undefined, beforeFirstRead: () => Promise.resolve(),
  })
}

/** Return what the list shows of the newest message. */
const preview = ({ quote: _, message, ...event }: MessageCreated) => {
  const { client_message_id, body, edited_at_ms, deleted_at_ms } = message
  return { ...event, message: { client_message_id, body: [...body].slice(0, 200).join(''), edited_at_ms, deleted_at_ms } }
}

/** Return a list entry with sorted members and the newest message as the list shows it. */
const normalized = ({ conversation, last_message, ...rest }: ConversationEntry) => ({
  ...rest,
  ...conversation,
  members: conversation.members?.toSorted((a, b) => (a.user_id < b.user_id ? -1 : 1)),
  last_message: last_message && preview(last_message),
})

test.each(cases)('$name: pushed events give the same log as a fresh read', async ({ pushed, changed }) => {
  const stored = new Map(before.events.map((event) => [event.seq, event]))
  const log = logOf(before.events, (events) => events.forEach((event) => stored.set(event.seq, event)))
  await log.open()

  for (const event of pushed) log.apply([event])

  const fresh = [...new Map([...before.events, ...changed].map((event) => [event.seq, event])).values()]
  expect(log.events.value).toEqual(fresh)
  expect([...stored.values()], 'stored events').toEqual(fresh)
})

test.each(cases)('$name: events pushed at once in the wrong order give the same log', async ({ pushed, changed }) => {
  const log = logOf(before.events)
  await log.open()

  log.apply(pushed.toReversed())

  expect(log.events.value).toEqual([...new Map([...before.events, ...changed].map((event) => [event.seq, event])).values()])
})

test.each(cases)('$name: pushed events give the same list entry as a fresh read', ({ pushed, entry }) => {
  const members = applyMemberEvents(before.entry.conversation.members ?? null, pushed)
  const after = applyEvents(before.entry, pushed, me)

  expect(normalized({ ...after, conversation: { ...after.conversation, members: members ?? [] } })).toEqual(normalized(entry))
})

test('a new message leaves the earlier events the same objects', async () => {
  const save = vi.fn()
  const log = logOf(before.events, save)
  await log.open()
  const plain = cases.find(({ name }) => name === 'a message') as Case

  log.apply(plain.pushed)

  expect(log.events.value.slice(0, -1).every((event, index) => event === before.events[index])).toBe(true)
  expect(save).toHaveBeenCalledExactlyOnceWith(plain.pushed)
})

test("a pin of a message from before the user's history is not shown", () => {
  const entry = { ...before.entry, history_from: 5, conversation: { ...before.entry.conversation, pinned: [] } }
  const pinned = (seq: number, target_seq: number) => ({ seq, type: 'message.pinned', at_ms: 1, actor_id: 'u-ann', message_count: 3, target_seq }) as Event

  expect(applyEvents(entry, [pinned(7, 4), pinned(8, 5)], me).conversation.pinned).toEqual([5])
})
