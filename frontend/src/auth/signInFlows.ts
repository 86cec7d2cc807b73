/** The sign-in flows: sign-up, confirmation, sign-in, and new, forgotten and changed passwords. */
import '../i18n/signIn'
import { type Result, toResult, type UserError } from '../core/net/errors'
import { validatePassword } from '../core/validation'
import { t } from '../i18n'
import { callPool, PoolError } from './cognito'
import { toApiError, toAppCodeError } from './errors'
import { type SignIn, signIn as signInWithSrp } from './srp'
import type { SignInDeps, SignInFlows } from './types'

export function createSignInFlows({ config, tokens, session, loadMe, startSession, notifyTabs }: SignInDeps): SignInFlows {
  /** Held until sign-in completes, to sign in automatically after a code. */
  let password = ''
  let challenge: Exclude<SignIn, { kind: 'granted' }> | null = null

  const call = async <T>(operation: string, params: Record<string, unknown>): Promise<T> => {
    const { auth } = await config
    return callPool<T>(auth, operation, { ClientId: auth.clientId, ...params })
  }
  /** The address of the sign-in in progress. */
  const currentEmail = (): string => {
    const current = session.peek()
    return 'email' in current ? current.email : ''
  }
  const clearSecrets = (): void => {
    password = ''
    challenge = null
  }
  const cancel = (): void => {
    clearSecrets()
    session.value = { state: 'signed-out' }
  }
  /** Return to the sign-in form with the error. */
  const startAgain = (error: PoolError): void => {
    clearSecrets()
    session.value = { state: 'signed-out', error: toApiError(error).userError }
  }

  async function complete(result: SignIn, email: string): Promise<void> {
    if (result.kind !== 'granted') {
      challenge = result
      session.value = { state: result.kind, email }
      return
    }
    await tokens.setSession(result.grant)
    try {
      await startSession(await loadMe(tokens.signal))
    } catch (error) {
      await tokens.clear()
      throw error
    }
    clearSecrets()
    notifyTabs('signed-in')
  }

  async function signIn(email: string, secret: string): Promise<void> {
    if (session.peek().state === 'signed-out') session.value = { state: 'signed-out' }
    try {
      await complete(await signInWithSrp((await config).auth, email, secret), email)
    } catch (error) {
      if (!(error instanceof PoolError)) throw error
      if (error.type === 'UserNotConfirmed') {
        password = secret
        session.value = { state: 'confirming', email }
        await call('ResendConfirmationCode', { Username: email })
      } else if (error.type === 'PasswordResetRequired') {
        await sendResetCode(email)
      } else {
        throw error
      }
    }
  }

  async function sendResetCode(email: string): Promise<void> {
    await call('ForgotPassword', { Username: email })
    session.value = { state: 'resetting', email }
  }

  return {
    signUp: (address, secret) =>
      withValidPassword(secret, async () => {
        const email = normalizeEmail(address)
        const { UserConfirmed } = await call<{ UserConfirmed: boolean }>('SignUp', {
          Username: email,
          Password: secret,
          UserAttributes: [{ Name: 'email', Value: email }],
        })
        if (UserConfirmed) return signIn(email, secret)
        password = secret
        session.value = { state: 'confirming', email }
      }),
    confirm: (code) =>
      poolResult(async () => {
        const email = currentEmail()
        await call('ConfirmSignUp', { Username: email, ConfirmationCode: code.trim() })
        if (password) await signIn(email, password)
        else cancel()
      }),
    resendCode: () =>
      poolResult(() =>
        call(session.peek().state === 'resetting' ? 'ForgotPassword' : 'ResendConfirmationCode', { Username: currentEmail() }),
      ),
    signIn: (address, secret) => poolResult(() => signIn(normalizeEmail(address), secret)),
    setNewPassword: (secret) =>
      withValidPassword(secret, async () => {
        if (challenge?.kind !== 'new-password') return cancel()
        try {
          await complete(await challenge.complete(secret), currentEmail())
        } catch (error) {
          // The challenge has expired: only a new sign-in helps.
          if (error instanceof PoolError && error.type === 'NotAuthorized') startAgain(error)
          throw error
        }
      }),
    sendAppCode: (code) =>
      poolResult(async () => {
        if (challenge?.kind !== 'code') return cancel()
        try {
          await complete(await challenge.complete(code.replace(/\s/g, '')), currentEmail())
        } catch (error) {
          if (!(error instanceof PoolError)) throw error
          const codeError = toAppCodeError(error)
          if (codeError.userError.code === 'session_expired') startAgain(error)
          throw codeError
        }
      }),
    forgotPassword: (address) => poolResult(() => sendResetCode(normalizeEmail(address))),
    resetPassword: (code, secret) =>
      withValidPassword(secret, async () => {
        const email = currentEmail()
        await call('ConfirmForgotPassword', { Username: email, ConfirmationCode: code.trim(), Password: secret })
        await signIn(email, secret)
      }),
    changePassword: async (current, next) => {
      const error = await withValidPassword(next, async () => {
        const params = { AccessToken: await tokens.accessToken(), PreviousPassword: current, ProposedPassword: next }
        await callPool((await config).auth, 'ChangePassword', params)
      })
      return error?.code === 'wrong_credentials'
        ? { code: 'wrong_password', message: t('signInError.wrongCurrentPassword'), field: 'current' }
        : error
    },
    cancel,
    clearSecrets,
  }
}

/** User names in the pool are case-insensitive; pasted addresses may carry spaces. */
const normalizeEmail = (email: string): string => email.trim().toLowerCase()

/** Run `action` and return its error, with the pool's errors as sentences. */
const poolResult = (action: () => Promise<unknown>): Result =>
  toResult(async () => {
    try {
      await action()
    } catch (error) {
      throw error instanceof PoolError ? toApiError(error) : error
    }
  })

async function withValidPassword(password: string, action: () => Promise<unknown>): Promise<UserError | null> {
  const message = validatePassword(password)
  return message === null ? poolResult(action) : { code: 'weak_password', field: 'password', message }
}
