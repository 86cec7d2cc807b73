import 'fake-indexeddb/auto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { writeStoredSession, readStoredSession, type StoredSession } from '../../src/auth/sessionStore'
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
  signUp: { policy: 'open' as const, domains: [] },
})

/** The user pool's response to each operation. */
let pool: Record<string, () => Response>
let calls: { operation: string; params: Record<string, unknown> }[]
let tokens: Tokens

const poolError = (type: string, message = ''): (() => Response) => () => json(400, { __type: type, message })
const tooManyRequests = (retryAfterS: number | null): Response =>
  json(
    400,
    { __type: 'TooManyRequestsException', message: 'Rate exceeded' },
    retryAfterS === null ? {} : { 'Retry-After': String(retryAfterS) },
  )
const grant = (n: number, more = {}): (() => Response) => () =>
  json(200, { AuthenticationResult: { AccessToken: `access-${n}`, ExpiresIn: 3600, ...more } })

beforeEach(async () => {
  pool = {}
  calls = []
  tokens = new Tokens(CONFIG)
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers)
    const operation = headers.get('X-Amz-Target')?.split('.').at(-1) ?? `${url} ${headers.get('Authorization')}`
    calls.push({ operation, params: JSON.parse(String(init.body ?? '{}')) as Record<string, unknown> })
    const answer = pool[operation]
    if (!answer) throw new TypeError('Failed to fetch')
    return answer()
  })
  await writeStoredSession(null)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Store a session, and let `tokens` use it. */
async function storeSession(stored: StoredSession = { refreshToken: 'r1', me: ME }): Promise<void> {
  await writeStoredSession(stored)
  tokens.use(stored)
}

async function start(loadMe: () => Promise<Me> = async () => (await tokens.accessToken(), ME)): Promise<SessionControl> {
  const control = createSession({ config: CONFIG, tokens, loadMe })
  await vi.waitFor(() => expect(control.session.value.state).not.toBe('starting'))
  return control
}

test('a first visitor is signed out', async () => {
  const { session } = await start()
  expect(session.value).toEqual({ state: 'signed-out' })
  expect(calls).toEqual([])
})

test('a stored session is signed in at once, and the profile is read again', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: { ...ME, display_name: 'Old name' } })
  let answer: (me: Me) => void = () => undefined
  const { session } = await start(() => new Promise((resolve) => (answer = resolve)))
  expect(session.value).toMatchObject({ state: 'signed-in', me: { display_name: 'Old name' } })
  answer(ME)
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-in', me: ME }))
})

test('a stored session stays signed in without a network', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  const { session } = await start(() => Promise.reject(networkError()))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(session.value).toEqual({ state: 'signed-in', me: ME })
})

test('a rejected refresh token ends the session', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = poolError('NotAuthorizedException', 'Refresh Token has been revoked')
  const { session } = await start()
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-out' }))
  expect(await readStoredSession()).toBeNull()
})

test('a session of a user pool that no longer exists ends', async () => {
  await storeSession()
  pool.GetTokensFromRefreshToken = poolError('ResourceNotFoundException')
  await expect(tokens.accessToken()).rejects.toMatchObject({ userError: { code: 'signed_out' } })
  expect(await readStoredSession()).toBeNull()
})

test('a temporary error of the pool does not end the session', async () => {
  await storeSession()
  pool.GetTokensFromRefreshToken = poolError('TooManyRequestsException')
  await expect(tokens.accessToken()).rejects.toMatchObject({ retryable: true })
  expect(await readStoredSession()).toMatchObject({ refreshToken: 'r1' })
})

test('concurrent requests refresh the token once, and the rotated refresh token is stored', async () => {
  await storeSession()
  pool.GetTokensFromRefreshToken = grant(1, { RefreshToken: 'r2' })
  expect(await Promise.all([tokens.accessToken(), tokens.accessToken(), tokens.accessToken()])).toEqual(Array(3).fill('access-1'))
  expect(calls).toHaveLength(1)
  expect(await readStoredSession()).toEqual({ refreshToken: 'r2', me: ME })
})

test('a rejected access token is refreshed, a valid one is reused', async () => {
  await storeSession()
  pool.GetTokensFromRefreshToken = () => grant(calls.length)()
  expect(await tokens.accessToken()).toBe('access-1')
  expect(await tokens.accessToken()).toBe('access-1')
  expect(await tokens.accessToken('access-1')).toBe('access-2')
  expect(await tokens.accessToken('access-1')).toBe('access-2')
})

test('the groups in the token decide whether the user is an administrator', async () => {
  await storeSession()
  const claims = (groups: unknown) => `x.${btoa(JSON.stringify({ 'cognito:groups': groups })).replaceAll('=', '')}.y`
  pool.GetTokensFromRefreshToken = grant(1, { AccessToken: claims(['admins']) })
  let token = await tokens.accessToken()
  expect(tokens.isAdmin.value).toBe(true)
  for (const none of [claims('admins'), claims(['admins2']), 'no token']) {
    pool.GetTokensFromRefreshToken = grant(2, { AccessToken: none })
    token = await tokens.accessToken(token)
    expect(tokens.isAdmin.value).toBe(false)
  }
})

test('signing out ends the session at once, closes connections and revokes the token', async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  pool.RevokeToken = () => json(200, {})
  const { auth, session } = await start()
  const done = auth.signOut()
  expect(session.value).toEqual({ state: 'signed-out' })
  await done
  expect(await readStoredSession()).toBeNull()
  expect(calls.at(-2)).toEqual({ operation: '/me/sign-out Bearer access-1', params: {} })
  expect(calls.at(-1)).toEqual({ operation: 'RevokeToken', params: { Token: 'r1', ClientId: 'client' } })
})

test('signing out right after opening the page closes connections too', async () => {
  await storeSession()
  pool.GetTokensFromRefreshToken = grant(1, { RefreshToken: 'r2' })
  pool.RevokeToken = () => json(200, {})
  await tokens.revoke()
  expect(await readStoredSession()).toBeNull()
  expect(calls.at(-2)).toEqual({ operation: '/me/sign-out Bearer access-1', params: {} })
  expect(calls.at(-1)).toEqual({ operation: 'RevokeToken', params: { Token: 'r2', ClientId: 'client' } })
})

test('sign-up asks for a code if the pool requires one', async () => {
  pool.SignUp = () => json(200, { UserConfirmed: false })
  const { auth, session } = await start()
  expect(await auth.signUp(' Ann@Example.com ', 'long enough')).toBeNull()
  expect(session.value).toEqual({ state: 'confirming', email: 'ann@example.com' })
  pool.ConfirmSignUp = poolError('CodeMismatchException')
  expect(await auth.confirm('1')).toMatchObject({ code: 'wrong_code', field: 'code' })
  expect(session.value.state).toBe('confirming')
})

test('signing in to an unconfirmed account sends a new code', async () => {
  pool.InitiateAuth = poolError('UserNotConfirmedException')
  pool.ResendConfirmationCode = () => json(200, {})
  const { auth, session } = await start()
  expect(await auth.signIn('ann@example.com', 'long enough')).toBeNull()
  expect(session.value).toEqual({ state: 'confirming', email: 'ann@example.com' })
  expect(calls.at(-1)?.operation).toBe('ResendConfirmationCode')
})

test('a forgotten password is reset with a code', async () => {
  pool.ForgotPassword = () => json(200, {})
  pool.ConfirmForgotPassword = poolError('ExpiredCodeException')
  const { auth, session } = await start()
  expect(await auth.forgotPassword('ann@example.com')).toBeNull()
  expect(session.value).toEqual({ state: 'resetting', email: 'ann@example.com' })
  expect(await auth.resetPassword('123456', 'long enough')).toMatchObject({ code: 'expired_code', field: 'code' })
  auth.cancel()
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-out' }))
})

test('a short password is rejected without a request', async () => {
  const { auth } = await start()
  expect(await auth.signUp('ann@example.com', 'short')).toMatchObject({ code: 'weak_password', field: 'password' })
  expect(calls).toEqual([])
})

test.each([
  ['NotAuthorizedException', 'Incorrect username or password.', 'The e-mail address or the password is wrong.'],
  ['UserNotFoundException', '', 'The e-mail address or the password is wrong.'],
  ['NotAuthorizedException', 'User is disabled.', 'This account is disabled. Contact your administrator.'],
  ['NotAuthorizedException', 'Password attempts exceeded', 'Too many attempts. Wait a few minutes and try again.'],
  ['LimitExceededException', '', 'Too many attempts. Wait a few minutes and try again.'],
  ['com.amazonaws.cognito#InternalErrorException', '', 'Signing in is not possible right now. Try again in a moment.'],
])('on sign-in, %s «%s» has a message for the user', async (type, reason, message) => {
  pool.InitiateAuth = poolError(type, reason)
  const { auth } = await start()
  expect((await auth.signIn('ann@example.com', 'long enough'))?.message).toBe(message)
})

test.each([
  [
    'NotAuthorizedException',
    'SignUp is not permitted for this user pool',
    { code: 'by_invitation', message: 'Accounts are by invitation only. Ask your administrator for one.' },
  ],
  [
    'UserLambdaValidationException',
    'PreSignUp failed with error This e-mail domain may not sign up.',
    {
      code: 'domain',
      field: 'email',
      message: 'This e-mail domain can’t be used to sign up. Use your work address, or ask your administrator.',
    },
  ],
])('on sign-up, %s «%s» has a message for the user', async (type, reason, error) => {
  pool.SignUp = poolError(type, reason)
  const { auth } = await start()
  expect(await auth.signUp('ann@example.com', 'long enough')).toEqual(error)
})

test.each([
  ['the time that the pool asks for', [2], 2000],
  ['a growing time if the pool names none', [null, null], 1500],
])('a sign-up that the pool refuses because of too many requests is repeated after %s', async (_what, waits, longestMs) => {
  const refusals = [...waits]
  pool.SignUp = () => {
    const wait = refusals.shift()
    return wait === undefined ? json(200, { UserConfirmed: false }) : tooManyRequests(wait)
  }
  const { auth, session } = await start()
  vi.useFakeTimers()
  const result = auth.signUp('ann@example.com', 'long enough')
  await vi.advanceTimersByTimeAsync(waits[0] === null ? 200 : 1900)
  expect(calls).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(longestMs)
  expect(await result).toBeNull()
  expect(calls).toHaveLength(waits.length + 1)
  expect(session.value).toMatchObject({ state: 'confirming' })
})

test.each([
  ['more than a few seconds', 6, 1],
  ['again and again', 1, 3],
])('a pool that asks for %s is not waited for', async (_what, wait, attempts) => {
  pool.SignUp = () => tooManyRequests(wait)
  const { auth } = await start()
  vi.useFakeTimers()
  const result = auth.signUp('ann@example.com', 'long enough')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await result).toEqual({
    code: 'too_many',
    message: 'The server gets too many requests right now. Wait a minute and try again.',
  })
  expect(calls).toHaveLength(attempts)
})

test('signing in without a network returns a network error', async () => {
  const { auth } = await start()
  expect(await auth.signIn('ann@example.com', 'long enough')).toMatchObject({ code: 'network' })
})

// -- two-step sign-in --

const jwt = (claims: object): string => `x.${btoa(JSON.stringify(claims)).replaceAll('=', '')}.y`
const TOKENS = {
  AccessToken: jwt({ iat: 1, exp: 3601 }),
  IdToken: jwt({ iat: 1, exp: 3601 }),
  RefreshToken: 'r1',
  ExpiresIn: 3600,
}

/** Let the pool accept any password and then require a code; `codeResponse` is its response to each code. */
function requireCode(codeResponse: () => Response): void {
  const verifier = { SALT: '40aa', SRP_B: 'a'.repeat(768), SECRET_BLOCK: 'AAAA', USERNAME: 'u', USER_ID_FOR_SRP: 'u' }
  pool.InitiateAuth = () => json(200, { ChallengeName: 'PASSWORD_VERIFIER', ChallengeParameters: verifier })
  pool.RespondToAuthChallenge = () =>
    calls.at(-1)?.params.ChallengeName === 'PASSWORD_VERIFIER'
      ? json(200, { ChallengeName: 'SOFTWARE_TOKEN_MFA', Session: 's1', ChallengeParameters: {} })
      : codeResponse()
}

test('an account with two-step sign-in signs in with a code, also after wrong ones', async () => {
  let response = poolError('CodeMismatchException', 'Invalid code received for user')
  requireCode(() => response())
  const { auth, session } = await start()
  expect(await auth.signIn('Ann@example.com', 'long enough')).toBeNull()
  expect(session.value).toEqual({ state: 'code', email: 'ann@example.com' })

  expect(await auth.sendAppCode('000000')).toEqual({
    code: 'wrong_code',
    field: 'code',
    message: 'This code is wrong. Enter the code that your authenticator app shows now.',
  })
  response = poolError('ExpiredCodeException', 'Your software token has already been used once.')
  expect(await auth.sendAppCode('111111')).toMatchObject({
    field: 'code',
    message: 'This code was already used. Wait until your authenticator app shows the next one.',
  })
  response = poolError('NotAuthorizedException', 'Password attempts exceeded')
  expect(await auth.sendAppCode('111111')).toMatchObject({ message: 'Too many attempts. Wait a few minutes and try again.' })
  expect(session.value.state).toBe('code')

  response = () => json(200, { AuthenticationResult: TOKENS })
  expect(await auth.sendAppCode('123 456')).toBeNull()
  expect(session.value).toEqual({ state: 'signed-in', me: ME })
  expect(calls.at(-1)?.params).toMatchObject({
    ChallengeName: 'SOFTWARE_TOKEN_MFA',
    Session: 's1',
    ChallengeResponses: { SOFTWARE_TOKEN_MFA_CODE: '123456' },
  })
  expect(await readStoredSession()).toMatchObject({ refreshToken: 'r1' })
})

test.each(['Invalid session for the user, session is expired.', 'Invalid session for the user.'])(
  'a sign-in that took too long begins again with a reason: «%s»',
  async (reason) => {
    requireCode(poolError('NotAuthorizedException', reason))
    const { auth, session } = await start()
    await auth.signIn('ann@example.com', 'long enough')
    await auth.sendAppCode('123456')
    const message = 'The sign-in took too long. Sign in again.'
    expect(session.value).toEqual({ state: 'signed-out', error: { code: 'session_expired', message } })
    await auth.signIn('ann@example.com', 'long enough')
    expect(session.value).toEqual({ state: 'code', email: 'ann@example.com' })
  },
)

test('a new password that took too long begins again with a reason', async () => {
  requireCode(poolError('NotAuthorizedException', 'Invalid session for the user, session is expired.'))
  const respond = pool.RespondToAuthChallenge as () => Response
  pool.RespondToAuthChallenge = () =>
    calls.at(-1)?.params.ChallengeName === 'PASSWORD_VERIFIER'
      ? json(200, { ChallengeName: 'NEW_PASSWORD_REQUIRED', Session: 's1', ChallengeParameters: { userAttributes: '{}', requiredAttributes: '[]' } })
      : respond()
  const { auth, session } = await start()
  await auth.signIn('ann@example.com', 'long enough')
  expect(session.value.state).toBe('new-password')
  await auth.setNewPassword('even longer')
  expect(session.value).toMatchObject({ state: 'signed-out', error: { code: 'session_expired' } })
})

test('cancelling returns from the code to the sign-in form', async () => {
  requireCode(poolError('CodeMismatchException'))
  const { auth, session } = await start()
  await auth.signIn('ann@example.com', 'long enough')
  auth.cancel()
  await vi.waitFor(() => expect(session.value).toEqual({ state: 'signed-out' }))
})

const signedInWithTwoStep = async () => {
  await writeStoredSession({ refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  const { auth } = await start()
  return auth.twoStep
}

test('setting up returns a secret and its URI, and a code turns it on', async () => {
  pool.GetUser = () => json(200, { UserAttributes: [{ Name: 'email', Value: 'a+b@example.com' }] })
  pool.AssociateSoftwareToken = () => json(200, { SecretCode: 'GEZDGNBV' })
  pool.VerifySoftwareToken = poolError('EnableSoftwareTokenMFAException', 'Code mismatch and fail enable Software Token MFA')
  pool.SetUserMFAPreference = () => json(200, {})
  const twoStep = await signedInWithTwoStep()
  expect(await twoStep.isOn()).toEqual({ value: false })
  const setup = await twoStep.setUp()
  const uri = `otpauth://totp/imchat%20${location.hostname}:a%2Bb%40example.com?secret=GEZDGNBV&issuer=imchat%20${location.hostname}`
  expect(setup).toEqual({ value: { secret: 'GEZDGNBV', uri } })
  expect(await twoStep.turnOn('000000')).toMatchObject({ field: 'code', code: 'wrong_code' })
  expect(calls.map(({ operation }) => operation)).not.toContain('SetUserMFAPreference')
  pool.VerifySoftwareToken = () => json(200, { Status: 'SUCCESS' })
  expect(await twoStep.turnOn('123 456')).toBeNull()
  expect(calls.slice(-2)).toEqual([
    { operation: 'VerifySoftwareToken', params: { AccessToken: 'access-1', UserCode: '123456' } },
    {
      operation: 'SetUserMFAPreference',
      params: { AccessToken: 'access-1', SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } },
    },
  ])
})

test('turning it off needs no code', async () => {
  pool.GetUser = () => json(200, { UserAttributes: [], UserMFASettingList: ['SOFTWARE_TOKEN_MFA'] })
  pool.SetUserMFAPreference = () => json(200, {})
  const twoStep = await signedInWithTwoStep()
  expect(await twoStep.isOn()).toEqual({ value: true })
  expect(await twoStep.turnOff()).toBeNull()
  expect(calls.at(-1)?.params.SoftwareTokenMfaSettings).toEqual({ Enabled: false, PreferredMfa: false })
})

test('two-step errors have a message for the user', async () => {
  const twoStep = await signedInWithTwoStep()
  expect(await twoStep.isOn()).toMatchObject({ error: { code: 'network' } })
  pool.VerifySoftwareToken = poolError('SoftwareTokenMFANotFoundException')
  expect(await twoStep.turnOn('123456')).toMatchObject({ message: 'Setting up took too long. Cancel and start again.' })
  pool.VerifySoftwareToken = poolError('NotAuthorizedException', 'Access Token has been revoked')
  expect(await twoStep.turnOn('123456')).toMatchObject({ message: 'You are signed out. Sign in again.' })
  pool.VerifySoftwareToken = poolError('TooManyRequestsException', 'Too many wrong codes; try again later.')
  expect(await twoStep.turnOn('123456')).toMatchObject({ message: 'Too many attempts. Wait a few minutes and try again.' })
})

// -- other tabs --

/** Another tab of the same browser: it shares the stored session, and the messages between tabs. */
async function openTab(): Promise<{ control: SessionControl; tokens: Tokens }> {
  const own = new Tokens(CONFIG)
  const control = createSession({ config: CONFIG, tokens: own, loadMe: async () => (await own.accessToken(), (await readStoredSession())?.me ?? BOB) })
  await vi.waitFor(() => expect(control.session.value.state).not.toBe('starting'))
  return { control, tokens: own }
}
const BOB: Me = { ...ME, user_id: 'u-bob', handle: 'bob', display_name: 'Bob' }

test('a sign-out elsewhere drops the tokens, the role and the view at once', async () => {
  await writeStoredSession({ id: 's1', refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1, { AccessToken: `x.${btoa(JSON.stringify({ 'cognito:groups': ['admins'] }))}.y` })
  const first = await start()
  const second = await openTab()
  await vi.waitFor(() => expect(second.tokens.isAdmin.value).toBe(true))
  void first.auth.signOut()
  await vi.waitFor(() => expect(second.control.session.value).toEqual({ state: 'signed-out' }))
  expect(second.tokens.isAdmin.value).toBe(false)
  await expect(second.tokens.accessToken()).rejects.toMatchObject({ userError: { code: 'signed_out' } })
})

test('the user who signs in elsewhere appears here, with their own tokens', async () => {
  await writeStoredSession({ id: 's1', refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  const second = await openTab()
  expect(await second.tokens.accessToken()).toBe('access-1')
  pool.GetTokensFromRefreshToken = grant(2)
  await writeStoredSession({ id: 's2', refreshToken: 'r2', me: BOB })
  new BroadcastChannel('imchat:session').postMessage('signed-in')
  await vi.waitFor(() => expect(second.control.session.value).toMatchObject({ me: { user_id: 'u-bob' } }))
  expect(await second.tokens.accessToken()).toBe('access-2')
})

test('a tab that missed the messages never uses the next user’s refresh token, and becomes that user', async () => {
  await writeStoredSession({ id: 's1', refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  const second = await openTab()
  const token = await second.tokens.accessToken()
  pool.GetTokensFromRefreshToken = grant(2)
  await writeStoredSession({ id: 's2', refreshToken: 'r2', me: BOB })
  await expect(second.tokens.accessToken(token)).rejects.toMatchObject({ userError: { code: 'signed_out' } })
  await vi.waitFor(() => expect(second.control.session.value).toMatchObject({ me: { user_id: 'u-bob' } }))
})

test('a profile that was saved before another user signed in changes neither the view nor the stored session', async () => {
  await writeStoredSession({ id: 's1', refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  const tab = await openTab()
  const { session, updateMe } = tab.control
  await tab.tokens.accessToken()
  await writeStoredSession({ id: 's2', refreshToken: 'r2', me: BOB })
  await tab.tokens.storeProfile({ ...ME, display_name: 'Late' })
  expect(await readStoredSession()).toMatchObject({ me: BOB })
  dispatchEvent(new Event('focus'))
  await vi.waitFor(() => expect(session.value).toMatchObject({ me: { user_id: 'u-bob' } }))
  await updateMe({ ...ME, display_name: 'Late' })
  expect(session.value).toMatchObject({ me: BOB })
})

test('a token that arrives after the sign-out is not used or stored', async () => {
  await storeSession({ id: 's1', refreshToken: 'r1', me: ME })
  let respond: (response: Response) => void = () => undefined
  vi.stubGlobal('fetch', () => new Promise((resolve) => (respond = resolve)))
  const refreshing = tokens.accessToken().catch((error: unknown) => error)
  await new Promise((resolve) => setTimeout(resolve, 10))
  tokens.endElsewhere()
  respond(grant(1, { RefreshToken: 'r2' })())
  expect(await refreshing).toMatchObject({ userError: { code: 'signed_out' } })
  expect(await readStoredSession()).toMatchObject({ refreshToken: 'r1' })
  await expect(tokens.accessToken()).rejects.toMatchObject({ userError: { code: 'signed_out' } })
})

test('a session that the server ends in one tab ends in all', async () => {
  await writeStoredSession({ id: 's1', refreshToken: 'r1', me: ME })
  pool.GetTokensFromRefreshToken = grant(1)
  const first = await openTab()
  const second = await openTab()
  const token = await first.tokens.accessToken()
  pool.GetTokensFromRefreshToken = poolError('NotAuthorizedException')
  await first.tokens.accessToken(token).catch(() => undefined)
  for (const { control } of [first, second]) await vi.waitFor(() => expect(control.session.value).toEqual({ state: 'signed-out' }))
  expect(await readStoredSession()).toBeNull()
})
