import { signal, type Signal } from '@preact/signals'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ApiError, networkError } from '../../../src/core/net/errors'
import { delayAfter, Poller } from '../../../src/core/sync/poller'

const MINUTE = 60_000

let needed: Signal<boolean>
let requests: number
let answer: () => Promise<number>
let responses: boolean[]
let visible: 'visible' | 'hidden'
let poller: Poller

beforeEach(() => {
  vi.useFakeTimers()
  visible = 'visible'
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visible)
  needed = signal(true)
  requests = 0
  responses = []
  answer = () => Promise.resolve(1)
  poller = new Poller({
    needed,
    read: async () => {
      const made = await answer().catch((error: unknown) => {
        requests++
        throw error
      })
      requests += made
      return made
    },
    onResponse: (reachable) => responses.push(reachable),
  })
})

afterEach(() => {
  poller.stop()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const show = (state: typeof visible): void => {
  visible = state
  document.dispatchEvent(new Event('visibilitychange'))
}

test('the first read is at once', async () => {
  poller.start()
  await advance(0)
  expect(requests).toBe(1)
  expect(responses).toEqual([true])
})

test.each([1, 2, 4, 20])('a read of %i requests: at most 20 requests a minute, and 4 while the page is hidden', async (each) => {
  answer = () => Promise.resolve(each)
  poller.start()
  await advance(10 * MINUTE - 1)
  expect(requests).toBeLessThanOrEqual(10 * 20 + each)
  expect(requests).toBeGreaterThanOrEqual(10 * 10)
  show('hidden')
  requests = 0
  await advance(10 * MINUTE)
  expect(requests).toBeLessThanOrEqual(10 * 4 + each)
  expect(requests).toBeGreaterThan(0)
})

test('a page that becomes visible again reads as soon as the budget allows', async () => {
  poller.start()
  show('hidden')
  await advance(20_000)
  expect(requests).toBe(1)
  show('visible')
  await advance(0)
  expect(requests).toBe(2)
  for (let n = 0; n < 50; n++) {
    show('hidden')
    show('visible')
    await advance(100)
  }
  expect(requests).toBeLessThanOrEqual(4)
})

test('failures make reads rarer, and Retry-After is kept', async () => {
  answer = () => Promise.reject(networkError())
  poller.start()
  await advance(10 * MINUTE)
  expect(requests).toBeLessThan(12)
  expect(new Set(responses)).toEqual(new Set([false]))
  answer = () => Promise.reject(new ApiError({ code: 'busy', message: '' }, 503, true, {}, 300_000))
  dispatchEvent(new Event('online'))
  await advance(10_000)
  expect(responses.at(-1), 'a 503 is a response').toBe(true)
  requests = 0
  await advance(280_000)
  expect(requests).toBe(0)
  await advance(60_000)
  expect(requests).toBeGreaterThan(0)
})

test('nothing is read while there is a WebSocket connection, or after stop', async () => {
  poller.start()
  await advance(MINUTE)
  needed.value = false
  requests = 0
  await advance(10 * MINUTE)
  expect(requests).toBe(0)
  needed.value = true
  await advance(0)
  expect(requests).toBe(1)
  poller.stop()
  await advance(10 * MINUTE)
  expect(requests).toBe(1)
})

test('a read that is in progress at the stop reports nothing', async () => {
  let resolve: (count: number) => void = () => undefined
  answer = () => new Promise((done) => (resolve = done))
  poller.start()
  poller.stop()
  resolve(1)
  await advance(0)
  expect(responses).toEqual([])
})

test('the delay grows with the requests, the failures, and while hidden', () => {
  expect(delayAfter(1, 0, true)).toBe(5_000)
  expect(delayAfter(4, 0, true)).toBe(12_000)
  expect(delayAfter(1, 2, true)).toBe(20_000)
  expect(delayAfter(1, 30, true)).toBe(120_000)
  expect(delayAfter(1, 0, false)).toBe(60_000)
})
