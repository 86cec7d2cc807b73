import { expect, test, vi } from 'vitest'
import { FakeSocket, ME, PEER, ROOM } from '../../support/fakeServer'
import { bodies, close, advance, server, start, waitUntil } from '../../support/testClient'

const push = (...seqs: number[]): void =>
  server.push({ type: 'events', conversation_id: ROOM, events: seqs.map((seq) => server.log[seq - 1]!) })

test('a pushed event shows at once, without reading the log', async () => {
  const { room } = await start()
  const readsBefore = server.reads().length
  server.addMessage('hello')
  expect(bodies(room)).toEqual(['hello'])
  await advance(1000)
  expect(server.reads().length).toBe(readsBefore)
})

test('an event pushed twice shows once', async () => {
  const { room } = await start()
  server.addMessage('once')
  push(2)
  push(2)
  expect(bodies(room)).toEqual(['once'])
})

test('events pushed out of order are sorted without reading the log', async () => {
  const { room } = await start()
  const readsBefore = server.reads().length
  server.pushes = false
  server.addMessage('a')
  server.addMessage('b')
  server.addMessage('c')
  push(4)
  push(3)
  expect(bodies(room)).toEqual([])
  await advance(100)
  push(2)
  expect(bodies(room)).toEqual(['a', 'b', 'c'])
  await advance(1000)
  expect(server.reads().length).toBe(readsBefore)
})

test('a gap that no push fills is read from the log', async () => {
  const { room } = await start()
  server.pushes = false
  server.addMessage('lost')
  server.addMessage('seen')
  push(3)
  await waitUntil(() => bodies(room).length === 2)
  expect(bodies(room)).toEqual(['lost', 'seen'])
})

test('all missed events are read after a reconnect', async () => {
  const { room, workspace } = await start()
  server.sockets.at(-1)?.drop()
  server.pushes = false
  for (let n = 1; n <= 450; n++) server.addMessage(`m${n}`)
  await waitUntil(() => bodies(room).length === 450)
  await waitUntil(() => workspace.realtime.connection.value === 'online')
  expect(bodies(room).at(-1)).toBe('m450')
})

test('a failed read of the log is retried', async () => {
  const { room } = await start()
  let failures = 0
  server.before = (call) => (call.path.endsWith('/events') && failures++ < 8 ? 'network' : undefined)
  server.pushes = false
  server.addMessage('lost')
  server.addMessage('seen')
  push(3)
  await waitUntil(() => bodies(room).length === 2)
})

test('stored events show while the network is down', async () => {
  const first = await start()
  server.addMessage('stored')
  await waitUntil(() => bodies(first.room).length === 1)
  await advance(100)
  await close(first.workspace)
  server.before = () => 'network'
  FakeSocket.refuse = true
  const { room, workspace } = await start({ online: false })
  await waitUntil(() => bodies(room).length === 1)
  expect(bodies(room)).toEqual(['stored'])
  expect(workspace.conversations.value?.[0]?.identity.value.name).toBe('Peer')
  server.before = () => undefined
  FakeSocket.refuse = false
  server.addMessage('newer')
  await waitUntil(() => bodies(room).length === 2)
})

test('older pages load up to the first event', async () => {
  for (let n = 1; n <= 200; n++) server.addMessage(`m${n}`)
  const { room } = await start()
  expect(bodies(room)).toHaveLength(60)
  expect(room.hasOlder.value).toBe(true)
  await room.loadOlder()
  expect(bodies(room)).toHaveLength(160)
  await room.loadOlder()
  expect(room.hasOlder.value).toBe(false)
  expect(bodies(room).slice(0, 2)).toEqual(['m1', 'm2'])
})

test('a conversation that the user left is removed from the list and shows an error where it is open', async () => {
  const { room, workspace } = await start()
  server.before = (call) => (call.path.endsWith(ROOM) ? new Response('{}', { status: 404 }) : undefined)
  server.push({ type: 'conversation', conversation_id: ROOM, change: 'removed' })
  await waitUntil(() => room.error.value !== null)
  expect(workspace.conversations.value).toEqual([])
  expect(room.error.value?.code).toBe('not_found')
})

test('member events update the members', async () => {
  const { room } = await start()
  server.append(PEER, { type: 'member.added', user_id: 'u-new' })
  expect(room.members.value.map((member) => member.user_id)).toEqual([ME, PEER, 'u-new'])
  server.append(PEER, { type: 'member.removed', user_id: 'u-new' })
  expect(room.members.value.map((member) => member.user_id)).toEqual([ME, PEER])
})

test('new messages of other users are reported once, own and old ones never', async () => {
  server.addMessage('old')
  const { received, room } = await start()
  server.addMessage('new')
  push(3)
  await room.send('mine')
  await waitUntil(() => server.bodies().length === 3)
  await advance(1000)
  expect(received.map((message) => message.body)).toEqual(['new'])
  expect(received[0]).toMatchObject({ conversationId: ROOM, conversationName: 'Peer', author: { user_id: PEER } })
})

test('with too many missed events, only the newest page is read', async () => {
  const first = await start()
  await close(first.workspace)
  server.pushes = false
  for (let n = 1; n <= 2_000; n++) server.addMessage(`m${n}`)
  const { room } = await start()
  expect(bodies(room).at(-1)).toBe('m2000')
  expect(room.log.events.value.length).toBeLessThan(100)
  expect(room.hasOlder.value).toBe(true)
  expect(server.reads().length).toBeLessThan(5)
})

test('where WebSockets are refused the list, new messages and sent ones go by HTTP', async () => {
  FakeSocket.refuse = true
  server.addMessage('before')
  const { workspace, room, received } = await start({ online: false })
  await waitUntil(() => bodies(room).length === 1)
  expect(workspace.conversations.value).toHaveLength(1)
  await waitUntil(() => workspace.realtime.connection.value === 'polling')
  server.addMessage('later')
  await waitUntil(() => bodies(room).length === 2)
  expect(received.map(({ body }) => body)).toEqual(['later'])
  await room.send('mine')
  await waitUntil(() => server.bodies().length === 3)
  expect(bodies(room)).toEqual(['before', 'later', 'mine'])
  FakeSocket.refuse = false
  await waitUntil(() => workspace.realtime.connection.value === 'online')
})

test('a workspace that is stopped while it starts reads and connects nothing', async () => {
  const { workspace } = await start({ online: false })
  await close(workspace)
  await advance(60_000)
  expect(server.calls).toEqual([])
  expect(server.sockets).toEqual([])
  expect(vi.getTimerCount(), 'nothing is repeated').toBe(0)
})

test('a response that arrives after the stop is not announced or stored', async () => {
  const { workspace, received } = await start()
  const { api } = workspace
  let late: Promise<unknown> = Promise.resolve()
  server.after = () => {
    void workspace.stop()
    return undefined
  }
  server.pushes = false
  server.addMessage('late')
  late = api.conversations().catch((error: unknown) => error)
  expect(await late).toMatchObject({ userError: { code: 'signed_out' } })
  expect(received).toEqual([])
})

test('after a restart the line above unread messages is set before the new messages are in the log', async () => {
  server.addMessage('read')
  const first = await start()
  first.room.markRead(server.log.length)
  await waitUntil(() => server.readSeq === server.log.length)
  await close(first.workspace)
  const lastRead = server.log.length
  for (let n = 0; n < 5; n++) server.addMessage(`new ${n}`)
  // The log is read faster than anything else.
  const respond = fetch
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (!url.includes('/events')) await new Promise((resolve) => setTimeout(resolve, 500))
    return respond(url, init)
  })
  const { room } = await start({ online: false })
  let lineAtFirstNew: number | null | undefined
  const stop = room.log.events.subscribe((events) => {
    if (events.length > lastRead && lineAtFirstNew === undefined) lineAtFirstNew = room.unreadFrom.peek()
  })
  await waitUntil(() => room.log.lastSeq === server.log.length)
  stop()
  expect(lineAtFirstNew).toBe(lastRead)
})
