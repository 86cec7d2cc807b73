import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Realtime } from '../../../src/core/sync/realtime'
import { FakeSocket, Server } from '../../support/fakeServer'

let server: Server
let realtime: Realtime
let online: number
let tickets: number
let frames: string[]

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.refuse = false
  server = new Server()
  online = tickets = 0
  frames = []
  realtime = new Realtime({
    ticket: () => Promise.resolve(`t${++tickets}`),
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

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const newest = (): FakeSocket => server.sockets.at(-1)!
const MINUTE = 60_000

test('the ticket goes as a subprotocol, never in the address', async () => {
  expect(realtime.connection.value).toBe('connecting')
  await pass(10)
  expect(newest().url).toBe('ws://chat.test/ws')
  expect(newest().protocols).toEqual(['imchat.v1', 'ticket.t1'])
  expect(realtime.connection.value).toBe('online')
  expect(online).toBe(1)
})

test('each connection has a ticket of its own', async () => {
  await pass(10)
  newest().drop()
  await pass(2_000)
  expect(newest().protocols[1]).toBe('ticket.t2')
  expect(online).toBe(2)
})

test('a server that stays away is asked ever less often, and its return is noticed', async () => {
  await pass(10)
  FakeSocket.refuse = true
  newest().drop()
  await pass(10 * MINUTE)
  expect(realtime.connection.value).toBe('offline')
  const tries = server.sockets.length
  expect(tries).toBeGreaterThan(15)
  expect(tries).toBeLessThan(60)
  FakeSocket.refuse = false
  await pass(31_000)
  expect(realtime.connection.value).toBe('online')
})

test('the network coming back ends the wait', async () => {
  await pass(10)
  FakeSocket.refuse = true
  newest().drop()
  await pass(10 * MINUTE)
  FakeSocket.refuse = false
  dispatchEvent(new Event('online'))
  await pass(10)
  expect(realtime.connection.value).toBe('online')
})

test('a socket that pings get no answer from is given up', async () => {
  await pass(10)
  newest().alive = false
  await pass(4 * MINUTE + 10_000 + 2_000)
  expect(server.sockets).toHaveLength(2)
  expect(server.sockets[0]?.readyState).toBe(3)
  expect(realtime.connection.value).toBe('online')
})

test('each connection is known by the name that the server gave it, from its first pong until it breaks', async () => {
  expect(realtime.connectionId).toBeNull()
  await pass(10)
  expect(realtime.connectionId).toBe('connection-1=')
  newest().drop()
  expect(realtime.connectionId).toBeNull()
  await pass(2_000)
  expect(realtime.connectionId).toBe(newest().name)
  expect(newest().name).not.toBe('connection-1=')
  expect(frames).toEqual([])
})

test('a living socket is pinged when it opens, then every few minutes, and kept', async () => {
  await pass(30 * MINUTE)
  expect(server.sockets).toHaveLength(1)
  expect(newest().sent.filter((frame) => frame.action === 'ping')).toHaveLength(8)
})

test('before two hours there is a new socket, and the old one goes only after it stands', async () => {
  await pass(94 * MINUTE)
  expect(server.sockets).toHaveLength(1)
  const [old] = server.sockets
  const close = vi.spyOn(old!, 'close').mockImplementation(() => {
    expect(newest()).not.toBe(old)
    expect(newest().readyState).toBe(1)
    old!.readyState = 3
  })
  await pass(25 * MINUTE)
  expect(server.sockets).toHaveLength(2)
  expect(close).toHaveBeenCalled()
  expect(online, 'nothing was missed, so nothing need be read').toBe(1)
})

test('what arrives on a socket that was left is not heard', async () => {
  await pass(10)
  const old = newest()
  old.drop()
  await pass(2_000)
  expect(old.onmessage).toBeNull()
  newest().onmessage?.({ data: '{"type":"typing"}' })
  newest().onmessage?.({ data: 'no JSON' })
  expect(frames).toEqual(['typing'])
})

test('after stop nothing is opened any more', async () => {
  await pass(10)
  newest().drop()
  realtime.stop()
  await pass(10 * MINUTE)
  expect(server.sockets).toHaveLength(1)
})
