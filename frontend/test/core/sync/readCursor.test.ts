import { expect, test } from 'vitest'
import { ME, PEER, ROOM } from '../../support/fakeServer'
import { close, pass, server, start, until } from '../../support/testClient'

const puts = (): unknown[] => server.calls.filter((call) => call.path.endsWith('/read')).map((call) => call.body.seq)

test('reading on moves the cursor once for many messages, to the last', async () => {
  for (let n = 0; n < 5; n++) server.say(`m${n}`)
  const { room } = await start()
  expect(room.summary.value.unread).toBe(5)
  for (let seq = 2; seq <= 6; seq++) room.markRead(seq)
  expect(room.summary.value.unread).toBe(0)
  await until(() => puts().length === 1)
  await pass(5_000)
  expect(puts()).toEqual([6])
})

test('the cursor never moves back', async () => {
  for (let n = 0; n < 5; n++) server.say(`m${n}`)
  const { room } = await start()
  room.markRead(5)
  await until(() => puts().length === 1)
  room.markRead(3)
  await pass(5_000)
  expect(puts()).toEqual([5])
  expect(room.summary.value.unread).toBe(1)
})

test('a half-read conversation counts what lies past the cursor', async () => {
  for (let n = 0; n < 5; n++) server.say(`m${n}`)
  const { room, workspace } = await start()
  room.markRead(3)
  expect(room.summary.value.unread).toBe(3)
  server.say('more')
  expect(room.summary.value.unread).toBe(4)
  expect(workspace.totalUnread.value).toBe(4)
})

test('what arrives while the server is being told is not counted as read', async () => {
  server.say('one')
  const { room } = await start()
  server.after = (call) => {
    if (call.path.endsWith('/read')) server.say('meanwhile')
    return undefined
  }
  room.markRead(2)
  await until(() => puts().length === 1)
  await pass(100)
  expect(room.summary.value.unread).toBe(1)
})

test('our own message raises nothing, and until we read it counts again when somebody else writes', async () => {
  const { room } = await start()
  await room.send('mine')
  await until(() => room.log.lastSeq === 2)
  expect(room.summary.value.unread).toBe(0)
  server.say('theirs')
  expect(room.summary.value.unread).toBe(2)
  expect(server.entry().unread).toBe(2)
})

test('a cursor that could not be told is told when the network is back', async () => {
  server.say('one')
  const { room } = await start()
  server.before = (call) => (call.path.endsWith('/read') ? 'network' : undefined)
  room.markRead(2)
  await pass(20_000)
  expect(server.readSeq).toBe(0)
  server.before = () => undefined
  await until(() => server.readSeq === 2)
})

test('reading on another device clears the badge here', async () => {
  server.say('one')
  const { room } = await start()
  expect(room.summary.value.unread).toBe(1)
  server.readSeq = 2
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: ME, read_seq: 2 })
  expect(room.summary.value.unread).toBe(0)
})

test('receipts of others tell how far they have read, and never less than before', async () => {
  const { room } = await start()
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: PEER, read_seq: 7 })
  server.push({ type: 'receipt', conversation_id: ROOM, user_id: PEER, read_seq: 4 })
  expect(room.readByOthers.value).toBe(7)
})

test('the line above what is new stands where reading ended when the conversation was opened', async () => {
  server.say('read')
  server.readSeq = 2
  server.say('new')
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
  expect(workspace.conversations.value?.[0]?.draft).toBe('half a thou')
})

test('typing is said at most every three seconds, and shown for five', async () => {
  const { room } = await start()
  const said = (): number => server.sockets.at(-1)!.sent.filter((frame) => frame.action === 'typing').length
  room.typing()
  room.typing()
  await pass(2_000)
  room.typing()
  expect(said()).toBe(1)
  await pass(1_500)
  room.typing()
  expect(said()).toBe(2)
  server.push({ type: 'typing', conversation_id: ROOM, user_id: PEER })
  expect(room.summary.value.typing).toEqual(['Peer'])
  await pass(5_100)
  expect(room.summary.value.typing).toEqual([])
})
