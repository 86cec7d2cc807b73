import { expect, test } from 'vitest'
import { ME, PEER, ROOM } from '../../support/fakeServer'
import { close, advance, server, start, waitUntil } from '../../support/testClient'

const puts = (): unknown[] => server.calls.filter((call) => call.path.endsWith('/read')).map((call) => call.body.seq)

test('reading many messages sends the cursor once, for the last one', async () => {
  for (let n = 0; n < 5; n++) server.addMessage(`m${n}`)
  const { room } = await start()
  expect(room.summary.value.unread).toBe(5)
  for (let seq = 2; seq <= 6; seq++) room.markRead(seq)
  expect(room.summary.value.unread).toBe(0)
  await waitUntil(() => puts().length === 1)
  await advance(5_000)
  expect(puts()).toEqual([6])
})

test('the cursor never moves back', async () => {
  for (let n = 0; n < 5; n++) server.addMessage(`m${n}`)
  const { room } = await start()
  room.markRead(5)
  await waitUntil(() => puts().length === 1)
  room.markRead(3)
  await advance(5_000)
  expect(puts()).toEqual([5])
  expect(room.summary.value.unread).toBe(1)
})

test('a partly read conversation counts the messages after the cursor', async () => {
  for (let n = 0; n < 5; n++) server.addMessage(`m${n}`)
  const { room, workspace } = await start()
  room.markRead(3)
  expect(room.summary.value.unread).toBe(3)
  server.addMessage('more')
  expect(room.summary.value.unread).toBe(4)
  expect(workspace.totalUnread.value).toBe(4)
})

test('a message that arrives while the cursor is being sent stays unread', async () => {
  server.addMessage('one')
  const { room } = await start()
  server.after = (call) => {
    if (call.path.endsWith('/read')) server.addMessage('meanwhile')
    return undefined
  }
  room.markRead(2)
  await waitUntil(() => puts().length === 1)
  await advance(100)
  expect(room.summary.value.unread).toBe(1)
})

test('an own message clears the unread count, and counts once another member writes', async () => {
  const { room } = await start()
  await room.send('mine')
  await waitUntil(() => room.log.lastSeq === 2)
  expect(room.summary.value.unread).toBe(0)
  server.addMessage('theirs')
  expect(room.summary.value.unread).toBe(2)
  expect(server.entry().unread).toBe(2)
})

test('a cursor that could not be sent is sent when the network is back', async () => {
  server.addMessage('one')
  const { room } = await start()
  server.before = (call) => (call.path.endsWith('/read') ? 'network' : undefined)
  room.markRead(2)
  await advance(20_000)
  expect(server.readSeq).toBe(0)
  server.before = () => undefined
  await waitUntil(() => server.readSeq === 2)
})

test('reading on another device clears the badge here', async () => {
  server.addMessage('one')
  const { room } = await start()
  expect(room.summary.value.unread).toBe(1)
  server.readSeq = 2
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: ME, read_seq: 2 })
  expect(room.summary.value.unread).toBe(0)
})

test('the read position of other members never moves back', async () => {
  const { room } = await start()
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: PEER, read_seq: 7 })
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: PEER, read_seq: 4 })
  expect(room.readByOthers.value).toBe(7)
})

test('the unread line stays where reading had ended when the conversation was opened', async () => {
  server.addMessage('read')
  server.readSeq = 2
  server.addMessage('new')
  const { room } = await start()
  expect(room.unreadFrom.value).toBe(2)
  room.markRead(3)
  expect(room.unreadFrom.value).toBe(2)
})

test('a draft survives a reload', async () => {
  const first = await start()
  first.room.setDraft('half a thou')
  await close(first.workspace)
  const { room, workspace } = await start()
  expect(room.draft.value).toBe('half a thou')
  expect(workspace.conversations.value?.[0]?.draft.value).toBe('half a thou')
})

test('typing is sent at most every three seconds and shown for five', async () => {
  const { room } = await start()
  const sentCount = (): number => server.sockets.at(-1)!.sent.filter((frame) => frame.action === 'typing').length
  room.typing()
  room.typing()
  await advance(2_000)
  room.typing()
  expect(sentCount()).toBe(1)
  await advance(1_500)
  room.typing()
  expect(sentCount()).toBe(2)
  server.push({ type: 'typing', conversation_id: ROOM, user_id: PEER })
  expect(room.typingNames.value).toEqual(['Peer'])
  await advance(5_100)
  expect(room.typingNames.value).toEqual([])
})
