import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHttp, type TokenSource } from '../../../src/core/net/http'
import { toUserError } from '../../../src/core/net/errors'
import { json, refusal } from '../../support/fakeServer'

let calls: { url: string; init: RequestInit }[]
let answers: (() => Response)[]
let rejectedTokens: (string | undefined)[]
let invalidations: number

const tokens: TokenSource = {
  accessToken: (rejected) => {
    rejectedTokens.push(rejected)
    return Promise.resolve(rejected ? 'fresh' : 'stale')
  },
  invalidate: () => invalidations++,
}
const http = createHttp(
  Promise.resolve({ apiUrl: 'http://chat.test/api', wsUrl: '', auth: { endpoint: '', userPoolId: '', clientId: '' } }),
  tokens,
)

beforeEach(() => {
  vi.useFakeTimers()
  calls = []
  answers = []
  rejectedTokens = []
  invalidations = 0
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    calls.push({ url, init })
    const next = answers.shift() ?? (() => json(200, { ok: true }))
    return new Promise((resolve) => resolve(next()))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const network = (): Response => {
  throw new TypeError('Failed to fetch')
}
/** The answer, or the problem, after all waiting. */
async function after(request: Promise<unknown>): Promise<unknown> {
  const answer = request.catch(toUserError)
  await vi.advanceTimersByTimeAsync(120_000)
  return answer
}

test('a request carries the token and its query, and answers the JSON', async () => {
  expect(await after(http.get('/users', { prefix: 'a b', cursor: undefined }))).toEqual({ ok: true })
  expect(calls[0]?.url).toBe('http://chat.test/api/users?prefix=a+b')
  expect(calls[0]?.init.headers).toMatchObject({ Authorization: 'Bearer stale' })
})

test('401 renews the token once and tries again', async () => {
  answers = [() => refusal(401, 'unauthenticated')]
  expect(await after(http.get('/me'))).toEqual({ ok: true })
  expect(rejectedTokens).toEqual([undefined, 'stale'])
  expect(invalidations).toBe(0)
})

test('401 with a fresh token means signed out', async () => {
  answers = [() => refusal(401, 'unauthenticated'), () => refusal(401, 'unauthenticated')]
  expect(await after(http.get('/me'))).toMatchObject({ code: 'unauthenticated' })
  expect(invalidations).toBe(1)
  expect(calls).toHaveLength(2)
})

test('reading is tried again when the network fails or the server is busy', async () => {
  answers = [network, () => refusal(503, 'busy')]
  expect(await after(http.get('/me'))).toEqual({ ok: true })
  expect(calls).toHaveLength(3)
})

test('what is not idempotent is not repeated after the network failed: it may have happened', async () => {
  answers = [network]
  expect(await after(http.send('POST', '/conversations', {}))).toMatchObject({ code: 'network' })
  expect(calls).toHaveLength(1)
})

test('what is not idempotent is repeated when the server says that nothing happened', async () => {
  answers = [() => refusal(429, 'rate_limited', {}, { 'Retry-After': '2' })]
  expect(await after(http.send('POST', '/conversations', {}))).toEqual({ ok: true })
  expect(calls).toHaveLength(2)
})

test('Retry-After is waited for, unless it is longer than a person waits', async () => {
  answers = [() => refusal(429, 'rate_limited', {}, { 'Retry-After': '3' })]
  const answer = http.get('/me')
  await vi.advanceTimersByTimeAsync(2_900)
  expect(calls).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(200)
  expect(await answer).toEqual({ ok: true })
  answers = [() => refusal(429, 'rate_limited', {}, { 'Retry-After': '600' })]
  expect(await after(http.get('/me'))).toMatchObject({ code: 'rate_limited' })
})

test('a server that does not answer is given up', async () => {
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    calls.push({ url: '', init })
    return new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  })
  expect(await after(http.send('PATCH', '/me', {}))).toMatchObject({ code: 'network' })
})

test.each([
  [400, 'For programmers.'],
  [403, 'You are not allowed to do this.'],
  [404, 'This is not here, or not open to you.'],
  [413, 'This is too large to send.'],
])('%i becomes a sentence for people, with its code and field', async (status, message) => {
  answers = [() => refusal(status, 'some_code', { field: 'title' })]
  expect(await after(http.send('PATCH', '/me', {}))).toEqual({ code: 'some_code', message, field: 'title' })
})

test('a block is named, so that nobody looks for a fault elsewhere', async () => {
  answers = [() => refusal(403, 'forbidden', { reason: 'blocked' })]
  expect(await after(http.send('PATCH', '/me', {}))).toMatchObject({ message: 'One of you blocked the other.' })
})

test('an answer that is no JSON is a problem all the same', async () => {
  answers = [1, 2, 3].map(() => () => new Response('<html>bad gateway</html>', { status: 502 }))
  expect(await after(http.get('/me'))).toMatchObject({ code: 'http_502' })
})
