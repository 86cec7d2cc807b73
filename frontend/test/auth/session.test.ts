import 'fake-indexeddb/auto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { writeStoredSession, readStoredSession } from '../../src/auth/sessionStore'
import { createSession, type SessionControl } from '../../src/auth/session'
import { Tokens } from '../../src/auth/tokens'
import { networkError } from '../../src/core/net/errors'
import type { Me } from '../../src/core/net/protocol'
import { json } from '../support/fakeServer'

const ME: Me = { user_id: 'u', handle: 'ann', display_name: 'Ann', created_at_ms: 1 }
const CONFIG = Promise.resolve({
  apiUrl: '',
  wsUrl: '',
  auth: { endpoint: 'http://chat.test/cognito', userPoolId: 'local_pool', clientId: 'client' },
})

/** What the user pool answers to each operation. */
let pool: Record<string, () => Response>
let asked: { operation: string; params: Record<string, unknown> }[]
let tokens: Tokens

const refuse = (type: string, message = ''): (() => Response) => () => json(400, { __type: type, message })
const grant = (n: number, more = {}): (() => Response) => () =>
  json(200, { AuthenticationResult: { AccessToken: `access-${n}`, ExpiresIn: 3600, ...more } })

beforeEach(async () => {
  pool = {}
  asked = []
  tokens = new Tokens(CONFIG)
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers)
    const operation = headers.get('X-Amz-Target')?.split('.').at(-1) ?? `${url} ${headers.get('Authorization')}`
    asked.push({ operation, params: JSON.parse(String(init.body ?? '{}')) as Record<string, unknown> })
    const answer = pool[operation]
    if (!answer) throw new TypeError('Failed to fetch')
    return answer()
  })
  await writeStoredSession(null)
})
afterEach(() => vi.unstubAllGlobals())

async function start(loadMe: () => Promise<Me> = async () => (await tokens.accessToken(), ME)): Promise<SessionControl> {
  const control = createSession({ config: CONFIG, tokens, loadMe })
  await vi.waitFor(() => expect(control.session.value.state).not.toBe('starting'))
  return control
}

test('a first visitor is signed out', async () => {
  const { session } = await start()
  expect(session.value).toEqual({ state: 'signed-out' })
  expect(asked).toEqual([])
})

test('who was signed in is so at once, and the profile is read anew', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: { ...ME, display_name: 'Old name' } })
  let answer: (me: Me) => void = () => undefined
  const { session } = await start(() => new Promise((resolve) => (answer = resolve)))
  expect(session.value).toMatchObject({ state: 'signed-in', me: { display_name: 'Old name' } })
  answer(ME)
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-in', me: ME }))
})

test('without a network who was signed in stays so', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  const { session } = await start(() => Promise.reject(networkError()))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(session.value).toEqual({ state: 'signed-in', me: ME })
})

test('a refresh token that the pool refuses ends the session', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = refuse('NotAuthorizedException', 'Refresh Token has been revoked')
  const { session } = await start()
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-out' }))
  expect(await readStoredSession()).toBeNull()
})

test('a session of another user pool, on a server that was set up anew, is over', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = refuse('ResourceNotFoundException')
  await expect(tokens.accessToken()).rejects.toMatchObject({ error: { code: 'signed_out' } })
  expect(await readStoredSession()).toBeNull()
})

test('a pool in trouble ends no session', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = refuse('TooManyRequestsException')
  await expect(tokens.accessToken()).rejects.toMatchObject({ retryable: true })
  expect(await readStoredSession()).toMatchObject({ refreshToken: 'r1' })
})

test('however many ask at once, the token is renewed once, and the rotated one is kept', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1, { RefreshToken: 'r2' })
  expect(await Promise.all([tokens.accessToken(), tokens.accessToken(), tokens.accessToken()])).toEqual(Array(3).fill('access-1'))
  expect(asked).toHaveLength(1)
  expect(await readStoredSession()).toEqual({ refreshToken: 'r2', me: ME })
})

test('a token that the API refused is renewed, one that is good is used again', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = () => grant(asked.length)()
  expect(await tokens.accessToken()).toBe('access-1')
  expect(await tokens.accessToken()).toBe('access-1')
  expect(await tokens.accessToken('access-1')).toBe('access-2')
  expect(await tokens.accessToken('access-1')).toBe('access-2')
})

test('the token says who administers the site', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  const claims = (groups: unknown) => `x.${btoa(JSON.stringify({ 'cognito:groups': groups })).replaceAll('=', '')}.y`
  pool.GetTokensFromRefreshToken = grant(1, { AccessToken: claims(['admins']) })
  const first = await tokens.accessToken()
  expect(tokens.isAdmin.value).toBe(true)
  for (const none of [claims('admins'), claims(['admins2']), 'no token']) {
    pool.GetTokensFromRefreshToken = grant(2, { AccessToken: none })
    await tokens.accessToken(first)
    expect(tokens.isAdmin.value).toBe(false)
    tokens.invalidate()
  }
})

test('signing out forgets at once, and has the lines closed and the token revoked', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  pool.RevokeToken = () => json(200, {})
  const { auth, session } = await start()
  const done = auth.signOut()
  expect(session.value).toEqual({ state: 'signed-out' })
  await done
  expect(await readStoredSession()).toBeNull()
  expect(asked.at(-2)).toEqual({ operation: '/me/sign-out Bearer access-1', params: {} })
  expect(asked.at(-1)).toEqual({ operation: 'RevokeToken', params: { Token: 'r1', ClientId: 'client' } })
})

test('signing out right after opening the page has the lines closed, too', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1, { RefreshToken: 'r2' })
  pool.RevokeToken = () => json(200, {})
  await tokens.revoke()
  expect(await readStoredSession()).toBeNull()
  expect(asked.at(-2)).toEqual({ operation: '/me/sign-out Bearer access-1', params: {} })
  expect(asked.at(-1)).toEqual({ operation: 'RevokeToken', params: { Token: 'r2', ClientId: 'client' } })
})

test('signing up asks for the code where the pool wants one', async () => {
  pool.SignUp = () => json(200, { UserConfirmed: false })
  const { auth, session } = await start()
  expect(await auth.signUp(' Ann@Example.com ', 'long enough')).toBeNull()
  expect(session.value).toEqual({ state: 'confirming', email: 'ann@example.com' })
  pool.ConfirmSignUp = refuse('CodeMismatchException')
  expect(await auth.confirm('1')).toMatchObject({ code: 'wrong_code', field: 'code' })
  expect(session.value.state).toBe('confirming')
})

test('who never confirmed is asked for a new code when signing in', async () => {
  pool.InitiateAuth = refuse('UserNotConfirmedException')
  pool.ResendConfirmationCode = () => json(200, {})
  const { auth, session } = await start()
  expect(await auth.signIn('ann@example.com', 'long enough')).toBeNull()
  expect(session.value).toEqual({ state: 'confirming', email: 'ann@example.com' })
  expect(asked.at(-1)?.operation).toBe('ResendConfirmationCode')
})

test('a forgotten password goes by a code to a new one', async () => {
  pool.ForgotPassword = () => json(200, {})
  pool.ConfirmForgotPassword = refuse('ExpiredCodeException')
  const { auth, session } = await start()
  expect(await auth.forgotPassword('ann@example.com')).toBeNull()
  expect(session.value).toEqual({ state: 'resetting', email: 'ann@example.com' })
  expect(await auth.resetPassword('123456', 'long enough')).toMatchObject({ code: 'expired_code', field: 'code' })
  auth.cancel()
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-out' }))
})

test('a short password is refused before asking', async () => {
  const { auth } = await start()
  expect(await auth.signUp('ann@example.com', 'short')).toMatchObject({ code: 'weak_password', field: 'password' })
  expect(asked).toEqual([])
})

test.each([
  ['NotAuthorizedException', 'Incorrect username or password.', 'The e-mail address or the password is wrong.'],
  ['UserNotFoundException', '', 'The e-mail address or the password is wrong.'],
  ['NotAuthorizedException', 'User is disabled.', 'This account is disabled. Please ask your administrator.'],
  ['NotAuthorizedException', 'Password attempts exceeded', 'Too many tries. Please wait a few minutes and try again.'],
  ['LimitExceededException', '', 'Too many tries. Please wait a few minutes and try again.'],
  ['com.amazonaws.cognito#InternalErrorException', '', 'Signing in does not work right now. Please try again in a moment.'],
])('signing in, %s «%s» becomes a sentence for people', async (type, said, sentence) => {
  pool.InitiateAuth = refuse(type, said)
  const { auth } = await start()
  expect((await auth.signIn('ann@example.com', 'long enough'))?.message).toBe(sentence)
})

test.each([
  [
    'NotAuthorizedException',
    'SignUp is not permitted for this user pool',
    { code: 'by_invitation', message: 'Accounts are by invitation here. Please ask your administrator for one.' },
  ],
  [
    'UserLambdaValidationException',
    'PreSignUp failed with error This e-mail domain may not sign up.',
    {
      code: 'domain',
      field: 'email',
      message: 'This e-mail domain may not sign up here. Use your work address, or ask your administrator.',
    },
  ],
])('signing up, %s «%s» becomes a sentence for people', async (type, said, error) => {
  pool.SignUp = refuse(type, said)
  const { auth } = await start()
  expect(await auth.signUp('ann@example.com', 'long enough')).toEqual(error)
})

test('signing in without a network says so', async () => {
  const { auth } = await start()
  expect(await auth.signIn('ann@example.com', 'long enough')).toMatchObject({ code: 'network' })
})
