import { expect, test, vi } from 'vitest'
import { FakeSocket, ROOM, errorResponse } from '../../support/fakeServer'
import { bodies, close, advance, server, start, waitUntil } from '../../support/testClient'

const isSend = (path: string): boolean => path.endsWith('/messages')

test('a message shows as pending at once and keeps its key when it is sent', async () => {
  const { room } = await start()
  void room.send('hi')
  expect(bodies(room)).toEqual(['hi (pending)'])
  const key = room.timeline.value[0]?.key
  await waitUntil(() => bodies(room)[0] === 'hi')
  expect(room.timeline.value.map((item) => item.key)).toEqual([key])
})

test('a retry repeats the id and after_seq even if the log has grown', async () => {
  const { room } = await start()
  let tries = 0
  server.before = (call) => (isSend(call.path) && tries++ < 3 ? 'network' : undefined)
  await room.send('hi')
  server.addMessage('meanwhile')
  await waitUntil(() => bodies(room).includes('hi'))
  const sends = server.sends()
  expect(sends).toHaveLength(4)
  expect(new Set(sends.map((send) => send.client_message_id)).size).toBe(1)
  expect(sends.map((send) => send.after_seq)).toEqual([1, 1, 1, 1])
})

test('a response lost after the commit creates no duplicate on the client or the server', async () => {
  const { room } = await start()
  let lost = 0
  server.pushes = false
  server.after = (call) => (isSend(call.path) && lost++ === 0 ? 'network' : undefined)
  await room.send('hi')
  await waitUntil(() => bodies(room)[0] === 'hi')
  expect(server.bodies()).toEqual(['hi'])
  expect(bodies(room)).toEqual(['hi'])
})

test('each send names the current connection, gets no push on it, and shows from the response', async () => {
  const { room } = await start()
  const ids = server.sockets.map((socket) => socket.connectionId)
  await waitUntil(() => server.sockets[0]?.idSent === true)
  await room.send('one')
  await waitUntil(() => bodies(room).includes('one'))
  expect(server.sockets[0]?.pushed).toEqual([])
  let lost = 0
  server.after = (call) => {
    if (!isSend(call.path) || lost++ > 0) return undefined
    server.sockets.at(-1)?.drop()
    return 'network'
  }
  server.pushes = false
  await room.send('two')
  await waitUntil(() => bodies(room).includes('two'))
  await waitUntil(() => server.sockets[1]?.idSent === true)
  await room.send('three')
  await waitUntil(() => bodies(room).includes('three'))
  expect(bodies(room)).toEqual(['one', 'two', 'three'])
  expect(server.sends().slice(0, 2).map((send) => send.connection_id)).toEqual([ids[0], ids[0]])
  expect(server.sends().at(-1)?.connection_id).toBe(server.sockets[1]?.connectionId)
})

test('a pending message whose response was lost is confirmed by the log, in order', async () => {
  const { room } = await start()
  server.after = (call) => (isSend(call.path) ? 'network' : undefined)
  await room.send('hi')
  await waitUntil(() => server.bodies().length === 1)
  server.addMessage('and then')
  await waitUntil(() => bodies(room).length === 2 && !bodies(room).some((body) => body.includes('pending')))
  expect(bodies(room)).toEqual(['hi', 'and then'])
})

test('a message discarded during sending shows if the server stored it', async () => {
  const { room } = await start()
  server.before = (call) => {
    if (isSend(call.path)) room.discard(room.timeline.value.at(-1)!.key)
    return undefined
  }
  await room.send('hi')
  await waitUntil(() => bodies(room).includes('hi'))
})

test('the bubble stays visible between the response and the log, even if the log has a gap', async () => {
  const { room } = await start()
  const seen = new Set<number>()
  const stop = room.timeline.subscribe((items) => seen.add(items.filter((item) => item.kind === 'message' && item.own).length))
  server.pushes = false
  server.addMessage('missed')
  seen.clear()
  await room.send('hi')
  await waitUntil(() => bodies(room).length === 2 && bodies(room)[1] === 'hi')
  stop()
  expect([...seen]).toEqual([1])
})

test('on a behind error, a message not in the log is sent again with a newer after_seq', async () => {
  const { room } = await start()
  server.behindAfter = 300
  server.pushes = false
  server.before = (call) => (isSend(call.path) && server.log.length < 400 ? 'network' : undefined)
  await room.send('hi')
  await advance(100)
  for (let n = 0; n < 500; n++) server.addMessage(`m${n}`)
  await waitUntil(() => bodies(room).includes('hi'))
  expect(server.bodies().filter((body) => body === 'hi')).toHaveLength(1)
  const sent = server.sends().map((send) => send.after_seq)
  expect(sent[0]).toBe(1)
  expect(sent.at(-1)).toBe(501)
})

test('on a behind error, a message found in the log is not sent again', async () => {
  const { room } = await start()
  server.behindAfter = 300
  server.pushes = false
  server.after = (call) => (isSend(call.path) && server.log.length < 400 ? 'network' : undefined)
  await room.send('hi')
  await waitUntil(() => server.bodies().length === 1)
  for (let n = 0; n < 500; n++) server.addMessage(`m${n}`)
  await waitUntil(() => bodies(room).includes('hi'))
  expect(server.bodies().filter((body) => body === 'hi')).toHaveLength(1)
})

test('unsent messages are sent after a reload, in order, with the same ids', async () => {
  const first = await start()
  server.before = (call) => (isSend(call.path) ? 'network' : undefined)
  await first.room.send('one')
  await first.room.send('two')
  await waitUntil(() => server.sends().length > 0)
  await close(first.workspace)
  const tried = server.sends()[0]
  server.before = () => undefined
  const { room } = await start({ online: false })
  await waitUntil(() => server.bodies().length === 2)
  await waitUntil(() => bodies(room).join() === 'one,two')
  expect(server.bodies()).toEqual(['one', 'two'])
  expect(server.sends().filter((send) => send.body === 'one').at(-1)).toEqual({ ...tried, connection_id: undefined })
})

test('a conversation sends one message at a time', async () => {
  const { room } = await start()
  let refused = 0
  server.before = (call) => (isSend(call.path) && call.body.body === 'one' && refused++ < 2 ? errorResponse(503, 'busy') : undefined)
  void room.send('one')
  void room.send('two')
  void room.send('three')
  await waitUntil(() => server.bodies().length === 3)
  expect(server.sends().map((send) => send.body)).toEqual(['one', 'one', 'one', 'two', 'three'])
})

test('a permanent error marks the message as failed, the next one is sent, and retry sends it again', async () => {
  const { room } = await start()
  let refuse = true
  server.before = (call) => (refuse && isSend(call.path) && call.body.body === 'bad' ? errorResponse(403, 'forbidden') : undefined)
  await room.send('bad')
  await room.send('good')
  await waitUntil(() => bodies(room).join() === 'good,bad (failed)')
  refuse = false
  const failed = room.timeline.value[1]
  room.retry(failed?.key ?? '')
  await waitUntil(() => bodies(room).join() === 'good,bad')
})

test('a discarded failed message does not come back after a reload', async () => {
  const { room, workspace } = await start()
  server.before = (call) => (isSend(call.path) ? errorResponse(413, 'too_large') : undefined)
  await room.send('bad')
  await waitUntil(() => bodies(room).join() === 'bad (failed)')
  room.discard(room.timeline.value[0]?.key ?? '')
  await advance(100)
  expect(bodies(room)).toEqual([])
  await close(workspace)
  expect(bodies((await start()).room)).toEqual([])
})

test('messages written offline are sent when the connection is back', async () => {
  const { room } = await start()
  server.before = () => 'network'
  FakeSocket.refuse = true
  server.sockets.at(-1)?.drop()
  await room.send('later')
  await advance(300_000)
  expect(bodies(room)).toEqual(['later (pending)'])
  server.before = () => undefined
  FakeSocket.refuse = false
  dispatchEvent(new Event('online'))
  await waitUntil(() => bodies(room).join() === 'later')
})

test('the conversation list shows a pending message', async () => {
  const { workspace, room } = await start()
  server.before = (call) => (isSend(call.path) ? 'network' : undefined)
  await room.send('hi')
  expect(workspace.conversations.value?.[0]?.summary.value.preview).toEqual({ author: null, own: true, body: 'hi', pending: true })
})

test('an empty or too long message is rejected on the client, with the limit in the error', async () => {
  const { room } = await start()
  expect(await room.send('  \n ')).toMatchObject({ field: 'body' })
  expect((await room.send('x'.repeat(8001)))?.message).toContain('8,000')
  expect(server.sends()).toEqual([])
  expect(server.calls.some((call) => call.path === `/conversations/${ROOM}/messages`)).toBe(false)
})

test('with two tabs open, one sends and both show each message once', async () => {
  const held = new Map<string, Promise<unknown>>()
  vi.stubGlobal('navigator', {
    onLine: true,
    locks: {
      request: (name: string, _options: unknown, task: () => Promise<unknown>) => {
        const turn = (held.get(name) ?? Promise.resolve()).then(task)
        held.set(name, turn.catch(() => undefined))
        return turn
      },
    },
  })
  const one = await start()
  const two = await start()
  await one.room.send('from one')
  await two.room.send('from two')
  await waitUntil(() => bodies(one.room).join() === 'from one,from two' && bodies(two.room).join() === 'from one,from two')
  expect(server.sends()).toHaveLength(2)
  expect(server.bodies()).toEqual(['from one', 'from two'])
  const [first, second] = server.sockets
  expect(server.sends().map((send) => send.connection_id)).toEqual([first?.connectionId, first?.connectionId])
  expect([first?.pushed, second?.pushed]).toEqual([[], ['events', 'events']])
  // When the sending tab closes, the other one takes over.
  await close(one.workspace)
  await two.room.send('still here')
  await waitUntil(() => bodies(two.room).length === 3 && bodies(two.room)[2] === 'still here')
  expect(server.sends().at(-1)?.connection_id).toBe(second?.connectionId)
})
