import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { networkError } from '../../../src/core/net/errors'
import { Realtime } from '../../../src/core/sync/realtime'
import { FakeSocket, Server } from '../../support/fakeServer'

let server: Server
let realtime: Realtime
let online: number
let tickets: number
let frames: string[]
let ticket: () => Promise<string>

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.refuse = false
  server = new Server()
  online = tickets = 0
  frames = []
  ticket = () => Promise.resolve(`t${++tickets}`)
  realtime = new Realtime({
    ticket: () => ticket(),
    url: () => Promise.resolve('ws://chat.test/ws'),
    onFrame: (frame) => frames.push(frame.type),
    onOnline: () => online++,
  })
  realtime.start()
})

afterEach(() => {
  realtime.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const newest = (): FakeSocket => server.sockets.at(-1)!
const MINUTE = 60_000

test('the ticket is sent as a subprotocol, never in the URL', async () => {
  expect(realtime.connection.value).toBe('connecting')
  await advance(10)
  expect(newest().url).toBe('ws://chat.test/ws')
  expect(newest().protocols).toEqual(['imchat.v1', 'ticket.t1'])
  expect(realtime.connection.value).toBe('online')
  expect(online).toBe(1)
})

test('each connection uses a new ticket', async () => {
  await advance(10)
  newest().drop()
  await advance(2_000)
  expect(newest().protocols[1]).toBe('ticket.t2')
  expect(online).toBe(2)
})

test('reconnect attempts become less frequent, and succeed when the server is back', async () => {
  await advance(10)
  FakeSocket.refuse = true
  newest().drop()
  await advance(10 * MINUTE)
  expect(realtime.connection.value).toBe('polling')
  const attempts = server.sockets.length
  expect(attempts).toBeGreaterThan(15)
  expect(attempts).toBeLessThan(60)
  FakeSocket.refuse = false
  await advance(31_000)
  expect(realtime.connection.value).toBe('online')
})

test('the browser going online reconnects at once', async () => {
  await advance(10)
  FakeSocket.refuse = true
  newest().drop()
  await advance(10 * MINUTE)
  FakeSocket.refuse = false
  dispatchEvent(new Event('online'))
  await advance(10)
  expect(realtime.connection.value).toBe('online')
})

test('a socket without pongs is closed and replaced', async () => {
  await advance(10)
  newest().alive = false
  await advance(4 * MINUTE + 10_000 + 2_000)
  expect(server.sockets).toHaveLength(2)
  expect(server.sockets[0]?.readyState).toBe(3)
  expect(realtime.connection.value).toBe('online')
})

test('connectionId is set by the first pong and cleared when the connection closes', async () => {
  expect(realtime.connectionId).toBeNull()
  await advance(10)
  expect(realtime.connectionId).toBe('connection-1=')
  newest().drop()
  expect(realtime.connectionId).toBeNull()
  await advance(2_000)
  expect(realtime.connectionId).toBe(newest().connectionId)
  expect(newest().connectionId).not.toBe('connection-1=')
  expect(frames).toEqual([])
})

test('a working socket is pinged when it opens and every few minutes, and kept', async () => {
  await advance(30 * MINUTE)
  expect(server.sockets).toHaveLength(1)
  expect(newest().sent.filter((frame) => frame.action === 'ping')).toHaveLength(8)
})

test('a new socket opens before two hours, and the old one closes only after that', async () => {
  await advance(94 * MINUTE)
  expect(server.sockets).toHaveLength(1)
  const [old] = server.sockets
  const close = vi.spyOn(old!, 'close').mockImplementation(() => {
    expect(newest()).not.toBe(old)
    expect(newest().readyState).toBe(1)
    old!.readyState = 3
  })
  await advance(25 * MINUTE)
  expect(server.sockets).toHaveLength(2)
  expect(close).toHaveBeenCalled()
  expect(online, 'renewal does not trigger a catch-up').toBe(1)
})

test('frames on a closed socket are ignored, and so is invalid JSON', async () => {
  await advance(10)
  const old = newest()
  old.drop()
  await advance(2_000)
  expect(old.onmessage).toBeNull()
  newest().onmessage?.({ data: '{"type":"typing"}' })
  newest().onmessage?.({ data: 'not JSON' })
  expect(frames).toEqual(['typing'])
})

test('no connection opens after stop', async () => {
  await advance(10)
  newest().drop()
  realtime.stop()
  await advance(10 * MINUTE)
  expect(server.sockets).toHaveLength(1)
})

test('the browser going offline shows at once, and a pong after it is online again ends it', async () => {
  await advance(10)
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false)
  dispatchEvent(new Event('offline'))
  expect(realtime.connection.value).toBe('offline')
  await advance(1_000)
  expect(realtime.connection.value, 'the socket may still answer').toBe('offline')
  vi.restoreAllMocks()
  dispatchEvent(new Event('online'))
  await advance(10)
  expect(realtime.connection.value).toBe('online')
  expect(server.sockets).toHaveLength(1)
})

test('a response over HTTP ends the offline state, as with a server on the same machine', async () => {
  await advance(10)
  dispatchEvent(new Event('offline'))
  realtime.setReachable(true)
  expect(realtime.connection.value).toBe('online')
})

test('a closed socket shows within ten seconds, whatever happens to the reconnect', async () => {
  await advance(10)
  ticket = () => new Promise(() => undefined)
  newest().drop()
  expect(realtime.connection.value).toBe('connecting')
  await advance(10_000)
  expect(realtime.connection.value).toBe('offline')
})

test('a WebSocket that never opens is polling while HTTP responds, and offline if it does not', async () => {
  realtime.stop()
  FakeSocket.refuse = true
  realtime.start()
  await advance(5_000)
  expect(realtime.connection.value).toBe('polling')
  ticket = () => Promise.reject(networkError())
  await advance(60_000)
  expect(realtime.connection.value).toBe('offline')
})
