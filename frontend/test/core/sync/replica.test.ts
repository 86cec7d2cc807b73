import { expect, test } from 'vitest'
import { FakeSocket, ME, PEER, ROOM } from '../../support/fakeServer'
import { bodies, close, pass, server, start, until } from '../../support/testClient'

const push = (...seqs: number[]): void =>
  server.push({ type: 'events', conversation_id: ROOM, events: seqs.map((seq) => server.log[seq - 1]!) })

test('a pushed event that follows is shown at once, without asking the log', async () => {
  const { room } = await start()
  const asked = server.reads().length
  server.say('hello')
  expect(bodies(room)).toEqual(['hello'])
  await pass(1000)
  expect(server.reads().length).toBe(asked)
})

test('an event that comes twice is shown once', async () => {
  const { room } = await start()
  server.say('once')
  push(2)
  push(2)
  expect(bodies(room)).toEqual(['once'])
})

test('events that overtake each other are put in order without asking the log', async () => {
  const { room } = await start()
  const asked = server.reads().length
  server.pushes = false
  server.say('a')
  server.say('b')
  server.say('c')
  push(4)
  push(3)
  expect(bodies(room)).toEqual([])
  await pass(100)
  push(2)
  expect(bodies(room)).toEqual(['a', 'b', 'c'])
  await pass(1000)
  expect(server.reads().length).toBe(asked)
})

test('a gap that nobody fills is read from the log', async () => {
  const { room } = await start()
  server.pushes = false
  server.say('lost')
  server.say('seen')
  push(3)
  await until(() => bodies(room).length === 2)
  expect(bodies(room)).toEqual(['lost', 'seen'])
})

test('after a broken connection everything that was missed is read', async () => {
  const { room, workspace } = await start()
  server.sockets.at(-1)?.drop()
  server.pushes = false
  for (let n = 1; n <= 450; n++) server.say(`m${n}`)
  await until(() => bodies(room).length === 450)
  expect(workspace.realtime.connection.value).toBe('online')
  expect(bodies(room).at(-1)).toBe('m450')
})

test('a refused read of the log is tried again', async () => {
  const { room } = await start()
  let refusals = 0
  server.before = (call) => (call.path.endsWith('/events') && refusals++ < 8 ? 'network' : undefined)
  server.pushes = false
  server.say('lost')
  server.say('seen')
  push(3)
  await until(() => bodies(room).length === 2)
})

test('what was read before is painted from the cache while the network is down', async () => {
  const first = await start()
  server.say('kept')
  await until(() => bodies(first.room).length === 1)
  await pass(100)
  await close(first.workspace)
  server.before = () => 'network'
  FakeSocket.refuse = true
  const { room, workspace } = await start({ online: false })
  await until(() => bodies(room).length === 1)
  expect(bodies(room)).toEqual(['kept'])
  expect(workspace.conversations.value?.[0]?.name).toBe('Peer')
  server.before = () => undefined
  FakeSocket.refuse = false
  server.say('newer')
  await until(() => bodies(room).length === 2)
})

test('older pages join above, down to the beginning', async () => {
  for (let n = 1; n <= 200; n++) server.say(`m${n}`)
  const { room } = await start()
  expect(bodies(room)).toHaveLength(60)
  expect(room.hasOlder.value).toBe(true)
  await room.loadOlder()
  expect(bodies(room)).toHaveLength(160)
  await room.loadOlder()
  expect(room.hasOlder.value).toBe(false)
  expect(bodies(room).slice(0, 2)).toEqual(['m1', 'm2'])
})

test('a conversation that is left goes from the list, and says so where it is open', async () => {
  const { room, workspace } = await start()
  server.before = (call) => (call.path.endsWith(ROOM) ? new Response('{}', { status: 404 }) : undefined)
  server.push({ type: 'conversation', conversation_id: ROOM, change: 'removed' })
  await until(() => room.error.value !== null)
  expect(workspace.conversations.value).toEqual([])
  expect(room.error.value?.code).toBe('not_found')
})

test('members follow the events', async () => {
  const { room } = await start()
  server.append(PEER, { type: 'member.added', user_id: 'u-new' })
  expect(room.members.value.map((member) => member.user_id)).toEqual([ME, PEER, 'u-new'])
  server.append(PEER, { type: 'member.removed', user_id: 'u-new' })
  expect(room.members.value.map((member) => member.user_id)).toEqual([ME, PEER])
})

test('messages of others are announced once, ours and old ones never', async () => {
  server.say('old')
  const { heard, room } = await start()
  server.say('new')
  push(3)
  await room.send('mine')
  await until(() => server.bodies().length === 3)
  await pass(1000)
  expect(heard.map((message) => message.body)).toEqual(['new'])
  expect(heard[0]).toMatchObject({ conversationId: ROOM, conversationName: 'Peer', author: { user_id: PEER } })
})

test('far behind, the newest page is shown instead of everything in between', async () => {
  const first = await start()
  await close(first.workspace)
  server.pushes = false
  for (let n = 1; n <= 2_000; n++) server.say(`m${n}`)
  const { room } = await start()
  expect(bodies(room).at(-1)).toBe('m2000')
  expect(room.log.events.value.length).toBeLessThan(100)
  expect(room.hasOlder.value).toBe(true)
  expect(server.reads().length).toBeLessThan(5)
})
