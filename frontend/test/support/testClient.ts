/** A client connected to the fake server, with an in-memory IndexedDB and fake timers. */
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { Conversation } from '../../src/core/sync/conversation'
import type { TokenSource } from '../../src/core/net/http'
import type { Model } from '../../src/core/model'
import { Workspace } from '../../src/core/sync/workspace'
import { FakeSocket, ME, ROOM, Server } from './fakeServer'

export const CONFIG = Promise.resolve({
  apiUrl: 'http://chat.test/api',
  wsUrl: 'ws://chat.test/ws',
  auth: { endpoint: 'http://chat.test/cognito', userPoolId: 'local_pool', clientId: 'client' },
  signUp: { policy: 'open' as const, domains: [] },
})

export const TOKENS: TokenSource = { accessToken: () => Promise.resolve('token'), invalidate: () => undefined }

export let server: Server
const running: Workspace[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  vi.stubGlobal('indexedDB', new IDBFactory())
  localStorage.clear()
  FakeSocket.refuse = false
  server = new Server()
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((workspace) => workspace.stop()))
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

type NewMessage = Parameters<Parameters<Model['onMessage']>[0]>[0]

/** Start a client, as on page load. With `online: false` it does not wait for the connection. */
export async function start({ online = true } = {}): Promise<{ workspace: Workspace; room: Conversation; received: NewMessage[] }> {
  const received: NewMessage[] = []
  const workspace = new Workspace(ME, CONFIG, TOKENS, (message) => received.push(message))
  running.push(workspace)
  if (online) await waitUntil(() => workspace.realtime.connection.value === 'online' && workspace.conversations.value !== null)
  const room = workspace.open(ROOM)
  if (online) await waitUntil(() => room.log.lastSeq === server.log.length)
  return { workspace, room, received }
}

/** Stop a client, as on closing the page. */
export async function close(workspace: Workspace): Promise<void> {
  running.splice(running.indexOf(workspace), 1)
  await workspace.stop()
}

/** Advance the time by `ms` and run what is due. */
export async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await new Promise((resolve) => setImmediate(resolve))
}

/** Advance the time until `condition` is true. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 2000 && !condition(); round++) await advance(20)
  expect(condition(), `in time: ${condition}`).toBe(true)
}

export const bodies = (room: Conversation): string[] =>
  room.timeline.value.map((item) => (item.kind === 'message' ? `${item.body}${item.state === 'sent' ? '' : ` (${item.state})`}` : item.key))
