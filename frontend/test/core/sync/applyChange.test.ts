/** The cases that the server's own tests are held to, in this client's replica. */
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
  /** Those events of the log that are new, or no longer what they were. */
  changed: Event[]
}
const { me, before, cases } = fixture as unknown as { me: string; before: { entry: ConversationEntry; events: Event[] }; cases: Case[] }

function logOf(events: Event[], save = (_: readonly Event[]) => {}): EventLog {
  return new EventLog({
    read: () => Promise.resolve({ events: [], has_more: false }),
    load: () => Promise.resolve(events),
    save,
    latestSeq: () => 0,
    onAppended: () => undefined,
  })
}

/** What the list shows of the newest message. */
const preview = ({ quote: _, message, ...event }: MessageCreated) => {
  const { client_message_id, body, edited_at_ms, deleted_at_ms } = message
  return { ...event, message: { client_message_id, body: [...body].slice(0, 200).join(''), edited_at_ms, deleted_at_ms } }
}

/** A row, with members in one order and the newest message as the list shows it. */
const row = ({ conversation, last_message, ...mine }: ConversationEntry) => ({
  ...mine,
  ...conversation,
  members: conversation.members?.toSorted((a, b) => (a.user_id < b.user_id ? -1 : 1)),
  last_message: last_message && preview(last_message),
})

test.each(cases)('$name: the log is what a fresh one would be', async ({ pushed, changed }) => {
  const stored = new Map(before.events.map((event) => [event.seq, event]))
  const log = logOf(before.events, (events) => events.forEach((event) => stored.set(event.seq, event)))
  await log.open()

  for (const event of pushed) log.apply([event])

  const fresh = [...new Map([...before.events, ...changed].map((event) => [event.seq, event])).values()]
  expect(log.events.value).toEqual(fresh)
  expect([...stored.values()], 'what the browser keeps').toEqual(fresh)
})

test.each(cases)('$name: all at once and in the wrong order comes to the same', async ({ pushed, changed }) => {
  const log = logOf(before.events)
  await log.open()

  log.apply(pushed.toReversed())

  expect(log.events.value).toEqual([...new Map([...before.events, ...changed].map((event) => [event.seq, event])).values()])
})

test.each(cases)('$name: the row is what a fresh one would be', ({ pushed, entry }) => {
  const members = applyMemberEvents(before.entry.conversation.members ?? null, pushed)
  const after = applyEvents(before.entry, pushed, me)

  expect(row({ ...after, conversation: { ...after.conversation, members: members ?? [] } })).toEqual(row(entry))
})

test('events that change no message leave the others as they are, the very same', async () => {
  const log = logOf(before.events)
  const save = vi.fn()
  await log.open()
  const plain = cases.find(({ name }) => name === 'a message') as Case

  log.apply(plain.pushed)

  expect(log.events.value.slice(0, -1).every((event, index) => event === before.events[index])).toBe(true)
  expect(save).not.toHaveBeenCalled()
})
