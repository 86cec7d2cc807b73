import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PresenceStore } from '../../../src/core/sync/presence'

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }))
afterEach(() => void vi.useRealTimers())

const online = (user_id: string) => ({ user_id, online: true })

test('who is left out of an answer hides, and is shown no longer', () => {
  const presenceStore = new PresenceStore()
  presenceStore.seen(['ana', 'bob'], [online('ana'), online('bob')], 5_000)
  presenceStore.seen(['ana', 'bob'], [online('bob')], 6_000)
  expect([...presenceStore.now.value.keys()]).toEqual(['bob'])
})

test('a change counts for as long as the person is watched, and does not prolong it', () => {
  const presenceStore = new PresenceStore()
  presenceStore.seen(['ana'], [online('ana')], 5_000)
  vi.advanceTimersByTime(3_000)
  presenceStore.changed({ user_id: 'ana', online: false, last_seen_ms: 3 })
  expect(presenceStore.now.value.get('ana')?.online).toBe(false)
  vi.advanceTimersByTime(2_000)
  expect(presenceStore.now.value.size).toBe(0)
  presenceStore.changed(online('ana'))
  expect(presenceStore.now.value.size).toBe(0)
})

test('each watch ends at its own time', () => {
  const presenceStore = new PresenceStore()
  presenceStore.seen(['ana'], [online('ana')], 2_000)
  presenceStore.seen(['bob'], [online('bob')], 3_000)
  vi.advanceTimersByTime(1_000)
  expect([...presenceStore.now.value.keys()]).toEqual(['bob'])
  vi.advanceTimersByTime(1_000)
  expect(presenceStore.now.value.size).toBe(0)
})
