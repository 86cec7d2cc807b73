import { expect, test } from 'vitest'
import type { OutgoingMessage } from '../../../src/core/net/types'
import { buildTimeline, type TimelineCache, type Viewer } from '../../../src/core/sync/timeline'
import type { Event, MessageCreated, User } from '../../../src/core/net/protocol'

const users: Record<string, User> = {
  a: { user_id: 'a', handle: 'ann', display_name: 'Ann' },
  b: { user_id: 'b', handle: 'bob', display_name: 'Bob' },
}
const viewer: Viewer = { me: 'a', kind: 'group', user: (id) => users[id]! }

const message = (seq: number, actor_id: string, id = `m${seq}`): MessageCreated => ({
  seq,
  at_ms: seq,
  actor_id,
  message_count: seq,
  type: 'message.created',
  message: { client_message_id: id, body: `body ${seq}` },
})
const added: Event = { seq: 3, at_ms: 3, actor_id: 'a', message_count: 2, type: 'member.added', user_id: 'b', role: 'member' }
const outgoing = (id: string, failed: OutgoingMessage['failed'] = null): OutgoingMessage => ({
  client_message_id: id,
  conversation_id: 'c',
  body: id,
  at_ms: 9,
  after_seq: 0,
  failed,
})

test('messages have their author and whether they are own', () => {
  const rows = buildTimeline([message(1, 'a'), message(2, 'b')], [], viewer)
  expect(rows.map((row) => row.kind === 'message' && [row.author.display_name, row.own, row.state])).toEqual([
    ['Ann', true, 'sent'],
    ['Bob', false, 'sent'],
  ])
})

test('added members show as notices in groups but not in direct conversations', () => {
  expect(buildTimeline([added], [], viewer)[0]).toMatchObject({ kind: 'notice', seq: 3, actor: users.a, subject: users.b })
  expect(buildTimeline([added], [], { ...viewer, kind: 'direct' })).toEqual([])
})

test('outgoing messages come last and keep their key when the log has them', () => {
  const before = buildTimeline([message(1, 'b')], [outgoing('x'), outgoing('y', { code: 'c', message: 'no' })], viewer)
  expect(before.map((row) => row.kind === 'message' && row.state)).toEqual(['sent', 'pending', 'failed'])
  const after = buildTimeline([message(1, 'b'), message(2, 'a', 'x')], [outgoing('x')], viewer)
  expect(after.map((row) => row.key)).toEqual([before[0]?.key, before[1]?.key])
})

test("another user's message with the same client id does not hide an own pending message", () => {
  const rows = buildTimeline([message(1, 'b', 'x')], [outgoing('x')], viewer)
  expect(rows).toHaveLength(2)
  expect(new Set(rows.map((row) => row.key)).size).toBe(2)
})

test('unknown event types are ignored', () => {
  const unknown = { ...added, type: 'poll.opened' } as unknown as Event
  expect(buildTimeline([message(1, 'a'), unknown], [], viewer)).toHaveLength(1)
})

test('an item is rebuilt only when it would look different', () => {
  const cache: TimelineCache = new WeakMap()
  const events = [message(1, 'a'), message(2, 'b')]
  const first = buildTimeline(events, [], viewer, cache)
  const renamed = { ...users.b!, display_name: 'Robert' }
  const second = buildTimeline(events, [], { ...viewer, user: (id) => (id === 'b' ? renamed : users[id]!) }, cache)
  expect(second[0]).toBe(first[0])
  expect(second[1]).toMatchObject({ author: renamed })
})

test('a reply shows its quote, also while it is pending', () => {
  const reply = message(2, 'b')
  const sentReply: MessageCreated = { ...reply, message: { ...reply.message, reply_to: 1 }, quote: { actor_id: 'a', body: 'body 1' } }
  const pendingReply = { ...outgoing('m9'), reply_to: 1 }
  const quote = { seq: 1, author: users.a, body: 'body 1', deleted: false }
  expect(buildTimeline([message(1, 'a'), sentReply], [pendingReply], viewer).slice(1)).toMatchObject([{ quote }, { quote }])
})
