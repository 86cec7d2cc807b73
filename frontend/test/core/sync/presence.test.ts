import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PresenceStore } from '../../../src/core/sync/presence'

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }))
afterEach(() => void vi.useRealTimers())

const online = (user_id: string) => ({ user_id, online: true })

test('a user missing from the response is removed', () => {
  const store = new PresenceStore()
  store.set(['ana', 'bob'], [online('ana'), online('bob')], 5_000)
  store.set(['ana', 'bob'], [online('bob')], 6_000)
  expect([...store.current.value.keys()]).toEqual(['bob'])
})

test('a pushed change applies only until the subscription ends, and does not extend it', () => {
  const store = new PresenceStore()
  store.set(['ana'], [online('ana')], 5_000)
  vi.advanceTimersByTime(3_000)
  store.update({ user_id: 'ana', online: false, last_seen_ms: 3 })
  expect(store.current.value.get('ana')?.online).toBe(false)
  vi.advanceTimersByTime(2_000)
  expect(store.current.value.size).toBe(0)
  store.update(online('ana'))
  expect(store.current.value.size).toBe(0)
})

test('each subscription ends at its own time', () => {
  const store = new PresenceStore()
  store.set(['ana'], [online('ana')], 2_000)
  store.set(['bob'], [online('bob')], 3_000)
  vi.advanceTimersByTime(1_000)
  expect([...store.current.value.keys()]).toEqual(['bob'])
  vi.advanceTimersByTime(1_000)
  expect(store.current.value.size).toBe(0)
})
