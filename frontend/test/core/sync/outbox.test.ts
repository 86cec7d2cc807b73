import { expect, test, vi } from 'vitest'
import { FakeSocket, ROOM, refusal } from '../../support/fakeServer'
import { bodies, close, pass, server, start, until } from '../../support/testClient'

const isSend = (path: string): boolean => path.endsWith('/messages')

test('a message shows as pending at once, and as sent under the same key', async () => {
  const { room } = await start()
  void room.send('hi')
  expect(bodies(room)).toEqual(['hi (pending)'])
  const key = room.timeline.value[0]?.key
  await until(() => bodies(room)[0] === 'hi')
  expect(room.timeline.value.map((item) => item.key)).toEqual([key])
})

test('a retry repeats id and after_seq, though the log went on meanwhile', async () => {
  const { room } = await start()
  let tries = 0
  server.before = (call) => (isSend(call.path) && tries++ < 3 ? 'network' : undefined)
  await room.send('hi')
  server.say('meanwhile')
  await until(() => bodies(room).includes('hi'))
  const sends = server.sends()
  expect(sends).toHaveLength(4)
  expect(new Set(sends.map((send) => send.client_message_id)).size).toBe(1)
  expect(sends.map((send) => send.after_seq)).toEqual([1, 1, 1, 1])
})

test('an answer that is lost after the commit makes no double, neither here nor there', async () => {
  const { room } = await start()
  let lost = 0
  server.pushes = false
  server.after = (call) => (isSend(call.path) && lost++ === 0 ? 'network' : undefined)
  await room.send('hi')
  await until(() => bodies(room)[0] === 'hi')
  expect(server.bodies()).toEqual(['hi'])
  expect(bodies(room)).toEqual(['hi'])
})

test('a message names its connection at each try, is not pushed there, and is shown from the answer', async () => {
  const { room } = await start()
  const names = server.sockets.map((socket) => socket.name)
  await until(() => server.sockets[0]?.told === true)
  await room.send('one')
  await until(() => bodies(room).includes('one'))
  expect(server.sockets[0]?.pushed).toEqual([])
  let lost = 0
  server.after = (call) => {
    if (!isSend(call.path) || lost++ > 0) return undefined
    server.sockets.at(-1)?.drop()
    return 'network'
  }
  server.pushes = false
  await room.send('two')
  await until(() => bodies(room).includes('two'))
  await until(() => server.sockets[1]?.told === true)
  await room.send('three')
  await until(() => bodies(room).includes('three'))
  expect(bodies(room)).toEqual(['one', 'two', 'three'])
  expect(server.sends().slice(0, 2).map((send) => send.connection_id)).toEqual([names[0], names[0]])
  expect(server.sends().at(-1)?.connection_id).toBe(server.sockets[1]?.name)
})

test('the log alone ends a pending message whose answer was lost, and keeps the order', async () => {
  const { room } = await start()
  server.after = (call) => (isSend(call.path) ? 'network' : undefined)
  await room.send('hi')
  await until(() => server.bodies().length === 1)
  server.say('and then')
  await until(() => bodies(room).length === 2 && !bodies(room).some((body) => body.includes('pending')))
  expect(bodies(room)).toEqual(['hi', 'and then'])
})

test('what was discarded while it was on its way, and arrived, is shown', async () => {
  const { room } = await start()
  server.before = (call) => {
    if (isSend(call.path)) room.discard(room.timeline.value.at(-1)!.key)
    return undefined
  }
  await room.send('hi')
  await until(() => bodies(room).includes('hi'))
})

test('the bubble never vanishes between the answer and the log, though the log has a gap', async () => {
  const { room } = await start()
  const seen = new Set<number>()
  const stop = room.timeline.subscribe((items) => seen.add(items.filter((item) => item.kind === 'message' && item.own).length))
  server.pushes = false
  server.say('missed')
  seen.clear()
  await room.send('hi')
  await until(() => bodies(room).length === 2 && bodies(room)[1] === 'hi')
  stop()
  expect([...seen]).toEqual([1])
})

test('behind: not in the log, so after_seq is raised to what was seen', async () => {
  const { room } = await start()
  server.behindAfter = 300
  server.pushes = false
  server.before = (call) => (isSend(call.path) && server.log.length < 400 ? 'network' : undefined)
  await room.send('hi')
  await pass(100)
  for (let n = 0; n < 500; n++) server.say(`m${n}`)
  await until(() => bodies(room).includes('hi'))
  expect(server.bodies().filter((body) => body === 'hi')).toHaveLength(1)
  const sent = server.sends().map((send) => send.after_seq)
  expect(sent[0]).toBe(1)
  expect(sent.at(-1)).toBe(501)
})

test('behind: found in the log, so it is sent already', async () => {
  const { room } = await start()
  server.behindAfter = 300
  server.pushes = false
  server.after = (call) => (isSend(call.path) && server.log.length < 400 ? 'network' : undefined)
  await room.send('hi')
  await until(() => server.bodies().length === 1)
  for (let n = 0; n < 500; n++) server.say(`m${n}`)
  await until(() => bodies(room).includes('hi'))
  expect(server.bodies().filter((body) => body === 'hi')).toHaveLength(1)
})

test('what was not sent is sent after a reload, in order, with the same ids', async () => {
  const first = await start()
  server.before = (call) => (isSend(call.path) ? 'network' : undefined)
  await first.room.send('one')
  await first.room.send('two')
  await until(() => server.sends().length > 0)
  await close(first.workspace)
  const tried = server.sends()[0]
  server.before = () => undefined
  const { room } = await start({ online: false })
  await until(() => server.bodies().length === 2)
  await until(() => bodies(room).join() === 'one,two')
  expect(server.bodies()).toEqual(['one', 'two'])
  expect(server.sends().filter((send) => send.body === 'one').at(-1)).toEqual({ ...tried, connection_id: undefined })
})

test('one conversation has one message in flight, the others wait their turn', async () => {
  const { room } = await start()
  let refused = 0
  server.before = (call) => (isSend(call.path) && call.body.body === 'one' && refused++ < 2 ? refusal(503, 'busy') : undefined)
  void room.send('one')
  void room.send('two')
  void room.send('three')
  await until(() => server.bodies().length === 3)
  expect(server.sends().map((send) => send.body)).toEqual(['one', 'one', 'one', 'two', 'three'])
})

test('a refusal for good marks the message as failed, and lets the next one pass; retry sends it again', async () => {
  const { room } = await start()
  let refuse = true
  server.before = (call) => (refuse && isSend(call.path) && call.body.body === 'bad' ? refusal(403, 'forbidden') : undefined)
  await room.send('bad')
  await room.send('good')
  await until(() => bodies(room).join() === 'good,bad (failed)')
  refuse = false
  const failed = room.timeline.value[1]
  room.retry(failed?.key ?? '')
  await until(() => bodies(room).join() === 'good,bad')
})

test('a failed message that is discarded is gone, after a reload too', async () => {
  const { room, workspace } = await start()
  server.before = (call) => (isSend(call.path) ? refusal(413, 'too_large') : undefined)
  await room.send('bad')
  await until(() => bodies(room).join() === 'bad (failed)')
  room.discard(room.timeline.value[0]?.key ?? '')
  await pass(100)
  expect(bodies(room)).toEqual([])
  await close(workspace)
  expect(bodies((await start()).room)).toEqual([])
})

test('offline messages go out as soon as the connection is back', async () => {
  const { room } = await start()
  server.before = () => 'network'
  FakeSocket.refuse = true
  server.sockets.at(-1)?.drop()
  await room.send('later')
  await pass(300_000)
  expect(bodies(room)).toEqual(['later (pending)'])
  server.before = () => undefined
  FakeSocket.refuse = false
  dispatchEvent(new Event('online'))
  await until(() => bodies(room).join() === 'later')
})

test('the list shows what is on its way', async () => {
  const { workspace, room } = await start()
  server.before = (call) => (isSend(call.path) ? 'network' : undefined)
  await room.send('hi')
  expect(workspace.conversations.value?.[0]?.preview).toEqual({ author: null, own: true, body: 'hi', pending: true })
})

test('an empty or over-long message is refused here, with the bound named', async () => {
  const { room } = await start()
  expect(await room.send('  \n ')).toMatchObject({ field: 'body' })
  expect((await room.send('x'.repeat(8001)))?.message).toContain('8000')
  expect(server.sends()).toEqual([])
  expect(server.calls.some((call) => call.path === `/conversations/${ROOM}/messages`)).toBe(false)
})

test('of two tabs one sends, and both show it once', async () => {
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
  await until(() => bodies(one.room).join() === 'from one,from two' && bodies(two.room).join() === 'from one,from two')
  expect(server.sends()).toHaveLength(2)
  expect(server.bodies()).toEqual(['from one', 'from two'])
  const [mine, other] = server.sockets
  expect(server.sends().map((send) => send.connection_id)).toEqual([mine?.name, mine?.name])
  expect([mine?.pushed, other?.pushed]).toEqual([[], ['events', 'events']])
  // The sender goes: the other one takes over.
  await close(one.workspace)
  await two.room.send('still here')
  await until(() => bodies(two.room).length === 3 && bodies(two.room)[2] === 'still here')
  expect(server.sends().at(-1)?.connection_id).toBe(other?.name)
})
