import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Config } from '../../../src/core/net/config'
import { createHttp, type TokenSource } from '../../../src/core/net/http'
import { toUserError } from '../../../src/core/net/errors'
import { json, errorResponse } from '../../support/fakeServer'

let calls: { url: string; init: RequestInit }[]
let answers: (() => Response)[]
let rejectedTokens: (string | undefined)[]
let invalidations: number

const SITE: Config = { apiUrl: 'http://chat.test/api', wsUrl: '', auth: { endpoint: '', userPoolId: '', clientId: '' }, signUp: { policy: 'open', domains: [] } }
const tokens: TokenSource = {
  accessToken: (rejected) => {
    rejectedTokens.push(rejected)
    return Promise.resolve(rejected ? 'fresh' : 'stale')
  },
  invalidate: () => invalidations++,
}
const http = createHttp(
  Promise.resolve(SITE),
  tokens,
  new AbortController().signal,
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
/** Return the response or the error, after all delays. */
async function after(request: Promise<unknown>): Promise<unknown> {
  const answer = request.catch(toUserError)
  await vi.advanceTimersByTimeAsync(120_000)
  return answer
}

test('a request has the token and the query, and returns the JSON', async () => {
  expect(await after(http.get('/users', { prefix: 'a b', cursor: undefined }))).toEqual({ ok: true })
  expect(calls[0]?.url).toBe('http://chat.test/api/users?prefix=a+b')
  expect(calls[0]?.init.headers).toMatchObject({ Authorization: 'Bearer stale' })
})

test('a 401 refreshes the token once and retries', async () => {
  answers = [() => errorResponse(401, 'unauthenticated')]
  expect(await after(http.get('/me'))).toEqual({ ok: true })
  expect(rejectedTokens).toEqual([undefined, 'stale'])
  expect(invalidations).toBe(0)
})

test('a 401 with a fresh token ends the session', async () => {
  answers = [() => errorResponse(401, 'unauthenticated'), () => errorResponse(401, 'unauthenticated')]
  expect(await after(http.get('/me'))).toMatchObject({ code: 'unauthenticated' })
  expect(invalidations).toBe(1)
  expect(calls).toHaveLength(2)
})

test('a GET is retried when the network fails or the server is busy', async () => {
  answers = [network, () => errorResponse(503, 'busy')]
  expect(await after(http.get('/me'))).toEqual({ ok: true })
  expect(calls).toHaveLength(3)
})

test('a POST is not retried after a network error, because the server may have handled it', async () => {
  answers = [network]
  expect(await after(http.send('POST', '/conversations', {}))).toMatchObject({ code: 'network' })
  expect(calls).toHaveLength(1)
})

test('a POST is retried if the status says that the server did nothing', async () => {
  answers = [() => errorResponse(429, 'rate_limited', {}, { 'Retry-After': '2' })]
  expect(await after(http.send('POST', '/conversations', {}))).toEqual({ ok: true })
  expect(calls).toHaveLength(2)
})

test('a short Retry-After is waited for, a long one fails the request', async () => {
  answers = [() => errorResponse(429, 'rate_limited', {}, { 'Retry-After': '3' })]
  const answer = http.get('/me')
  await vi.advanceTimersByTimeAsync(2_900)
  expect(calls).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(200)
  expect(await answer).toEqual({ ok: true })
  answers = [() => errorResponse(429, 'rate_limited', {}, { 'Retry-After': '600' })]
  expect(await after(http.get('/me'))).toMatchObject({ code: 'rate_limited' })
})

test('a request without a response times out', async () => {
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    calls.push({ url: '', init })
    return new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  })
  expect(await after(http.send('PATCH', '/me', {}))).toMatchObject({ code: 'network' })
})

test.each([
  [400, 'For developers.'],
  [403, 'You don’t have permission to do this.'],
  [404, 'Not found, or you don’t have access.'],
  [413, 'This is too large to send.'],
])('a %i has a message for the user, with its code and field', async (status, message) => {
  answers = [() => errorResponse(status, 'some_code', { field: 'title' })]
  expect(await after(http.send('PATCH', '/me', {}))).toEqual({ code: 'some_code', message, field: 'title' })
})

test('an error because of a block has its own message', async () => {
  answers = [() => errorResponse(403, 'forbidden', { reason: 'blocked' })]
  expect(await after(http.send('PATCH', '/me', {}))).toMatchObject({ message: 'One of you has blocked the other.' })
})

test('a response that is not JSON is an error too', async () => {
  answers = [1, 2, 3].map(() => () => new Response('<html>bad gateway</html>', { status: 502 }))
  expect(await after(http.get('/me'))).toMatchObject({ code: 'http_502' })
})

test('a request that the session ends is not sent again as the next user, and its response is not used', async () => {
  const ended = new AbortController()
  const own = createHttp(Promise.resolve(SITE), tokens, ended.signal)
  answers = [() => errorResponse(503, 'busy')]
  const sent = own.send('POST', '/conversations/c/messages', { body: 'from A' }).catch((error: unknown) => toUserError(error))
  await vi.advanceTimersByTimeAsync(1)
  ended.abort()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await sent).toMatchObject({ code: 'signed_out' })
  expect(calls).toHaveLength(1)

  let respond: (response: Response) => void = () => undefined
  vi.stubGlobal('fetch', () => new Promise((resolve) => (respond = resolve)))
  const next = new AbortController()
  const another = createHttp(Promise.resolve(SITE), tokens, next.signal)
  const read = another.get('/me').catch((error: unknown) => toUserError(error))
  await vi.advanceTimersByTimeAsync(1)
  respond(json(401, {}))
  await vi.advanceTimersByTimeAsync(1)
  next.abort()
  respond(json(401, {}))
  expect(await read).toMatchObject({ code: 'signed_out' })
  expect(invalidations, 'the next session is not ended by a response to the one before').toBe(0)
})
