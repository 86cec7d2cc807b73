import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/core/net/config'
import { withLock } from '../../../src/core/platform/browser'
import { Db, deleteUserData } from '../../../src/core/storage/db'
import { Drafts } from '../../../src/core/storage/drafts'
import { isKept, openedOrNull, readLocal, writeLocal } from '../../../src/core/storage/kept'

const CONFIG = JSON.stringify({ version: 1, api_url: '/api', ws_url: '/ws', auth: { endpoint: '/cognito', user_pool_id: 'p', client_id: 'c' } })

beforeEach(() => {
  isKept.value = true
  vi.stubGlobal('indexedDB', new IDBFactory())
  localStorage.clear()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test.each([
  ['null', null],
  ['full', { getItem: () => null, removeItem: () => undefined, setItem: () => { throw new DOMException('full', 'QuotaExceededError') } }],
])('with a localStorage that is %s, the configuration loads and drafts do not fail', async (_name, storage) => {
  vi.stubGlobal('localStorage', storage)
  vi.stubGlobal('fetch', async () => new Response(CONFIG))
  expect((await loadConfig()).auth.userPoolId).toBe('p')
  new Drafts('u').set('c', 'text')
  expect(new Drafts('u').get('c')).toBe('')
  expect(isKept.value).toBe(false)
})

test('without IndexedDB reads return nothing, writes fail, and that is reported', async () => {
  vi.stubGlobal('indexedDB', undefined)
  const db = Db.open('u')
  expect(await db.inbox()).toEqual([])
  expect(await db.saveUsers([{ user_id: 'u', handle: 'u', display_name: 'U' }])).toBe(false)
  expect(isKept.value).toBe(false)
  await deleteUserData(null, 'u')
})

test('a full disk at any write is reported', async () => {
  const db = Db.open('u')
  expect(await db.saveUsers([{ user_id: 'u', handle: 'u', display_name: 'U' }])).toBe(true)
  expect(isKept.value).toBe(true)
  const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError')
  })
  expect(await db.saveUsers([{ user_id: 'v', handle: 'v', display_name: 'V' }])).toBe(false)
  expect(isKept.value).toBe(false)
  put.mockRestore()
})

test('a database that never opens does not stop the start', async () => {
  vi.useFakeTimers()
  const close = vi.fn()
  let open: (db: { close(): void }) => void = () => undefined
  const opening = openedOrNull(() => new Promise<{ close(): void }>((resolve) => (open = resolve)))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await opening).toBeNull()
  open({ close })
  await vi.advanceTimersByTimeAsync(0)
  expect(close).toHaveBeenCalled()
})

test('the data of all other users is deleted, drafts too; the session and preferences stay', async () => {
  for (const user of ['ana', 'bob']) {
    const db = Db.open(user)
    await db.saveUsers([{ user_id: user, handle: user, display_name: user }])
    await db.close()
    new Drafts(user).set('c', `draft of ${user}`)
  }
  const auth = indexedDB.open('imchat:auth')
  await new Promise((resolve) => (auth.onsuccess = resolve))
  auth.result.close()
  writeLocal('imchat.theme', 'dark')
  await deleteUserData('bob', null)
  expect((await indexedDB.databases()).map(({ name }) => name).sort()).toEqual(['imchat:auth', 'imchat:bob'])
  expect(new Drafts('ana').get('c')).toBe('')
  expect(new Drafts('bob').get('c')).toBe('draft of bob')
  await deleteUserData(null, null)
  expect((await indexedDB.databases()).map(({ name }) => name)).toEqual(['imchat:auth'])
  expect(readLocal('imchat.theme')).toBe('dark')
})

test('a draft that a view stores after the sign-out is not stored', () => {
  const drafts = new Drafts('ana')
  drafts.stop()
  drafts.set('c', 'late')
  expect(localStorage).toHaveLength(0)
})

test('refused locks do not stop the task, and its own errors are not hidden', async () => {
  vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) } })
  expect(await withLock('l', async () => 7)).toBe(7)
  vi.stubGlobal('navigator', { locks: { request: (_name: string, _options: object, task: () => Promise<unknown>) => task() } })
  let runs = 0
  await expect(withLock('l', async () => { runs++; throw new Error('own') })).rejects.toThrow('own')
  expect(runs).toBe(1)
})

test('a stored configuration does not wait for a network that does not respond', async () => {
  vi.useFakeTimers()
  writeLocal('imchat:config', CONFIG)
  vi.stubGlobal('fetch', () => new Promise(() => undefined))
  const loading = loadConfig()
  await vi.advanceTimersByTimeAsync(3_000)
  expect((await loading).auth.clientId).toBe('c')
})
