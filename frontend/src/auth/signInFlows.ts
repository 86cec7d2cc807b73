/** Every way in: signing up, confirming, signing in, forced and forgotten passwords. */
import type { Result, UserError } from '../core/net/errors'
import { toResult } from '../core/net/errors'
import { call, PoolError } from './cognito'
import { explain } from './errors'
import type { Door, SignInFlows } from './session'
import { type SignIn, signIn as signInBySrp } from './srp'

const PASSWORD_MIN = 8

export function createSignInFlows({ config, tokens, session, loadMe, updateMe, tell }: Door): SignInFlows {
  /** Kept while the sign-in goes on, to sign in by itself after a code. */
  let password = ''
  let challenge: Extract<SignIn, { kind: 'new-password' }> | null = null

  const pool = async <T>(operation: string, params: Record<string, unknown>): Promise<T> => {
    const { auth } = await config
    return call<T>(auth, operation, { ClientId: auth.clientId, ...params })
  }
  /** The address that the forms in between are about. */
  const email = (): string => {
    const now = session.peek()
    return 'email' in now ? now.email : ''
  }
  const forget = (): void => {
    password = ''
    challenge = null
  }
  const back = (): void => {
    forget()
    session.value = { state: 'signed-out' }
  }

  async function enter(result: SignIn, address: string): Promise<void> {
    if (result.kind === 'new-password') {
      challenge = result
      session.value = { state: 'new-password', email: address }
      return
    }
    await tokens.adopt(result.grant)
    try {
      await updateMe(await loadMe())
    } catch (error) {
      await tokens.drop()
      throw error
    }
    forget()
    tell('signed-in')
  }

  async function signIn(address: string, secret: string): Promise<void> {
    try {
      await enter(await signInBySrp((await config).auth, address, secret), address)
    } catch (error) {
      if (!(error instanceof PoolError)) throw error
      if (error.type === 'UserNotConfirmed') {
        password = secret
        session.value = { state: 'confirming', email: address }
        await pool('ResendConfirmationCode', { Username: address })
      } else if (error.type === 'PasswordResetRequired') {
        await sendReset(address)
      } else {
        throw error
      }
    }
  }

  async function sendReset(address: string): Promise<void> {
    await pool('ForgotPassword', { Username: address })
    session.value = { state: 'resetting', email: address }
  }

  return {
    signUp: (address, secret) =>
      withPassword(secret, async () => {
        const name = tidy(address)
        const answer = await pool<{ UserConfirmed: boolean }>('SignUp', {
          Username: name,
          Password: secret,
          UserAttributes: [{ Name: 'email', Value: name }],
        })
        if (answer.UserConfirmed) return signIn(name, secret)
        password = secret
        session.value = { state: 'confirming', email: name }
      }),
    confirm: (code) =>
      explained(async () => {
        const name = email()
        await pool('ConfirmSignUp', { Username: name, ConfirmationCode: code.trim() })
        if (password) await signIn(name, password)
        else back()
      }),
    resendCode: () =>
      explained(() =>
        pool(session.peek().state === 'resetting' ? 'ForgotPassword' : 'ResendConfirmationCode', { Username: email() }),
      ),
    signIn: (address, secret) => explained(() => signIn(tidy(address), secret)),
    setNewPassword: (secret) =>
      withPassword(secret, async () => {
        if (!challenge) return back()
        try {
          await enter(await challenge.complete(secret), email())
        } catch (error) {
          // The time for it is over: only a new sign-in helps.
          if (error instanceof PoolError && error.type === 'NotAuthorized') back()
          throw error
        }
      }),
    forgotPassword: (address) => explained(() => sendReset(tidy(address))),
    resetPassword: (code, secret) =>
      withPassword(secret, async () => {
        const name = email()
        await pool('ConfirmForgotPassword', { Username: name, ConfirmationCode: code.trim(), Password: secret })
        await signIn(name, secret)
      }),
    changePassword: async (current, next) => {
      const problem = await withPassword(next, async () => {
        const params = { AccessToken: await tokens.access(), PreviousPassword: current, ProposedPassword: next }
        await call((await config).auth, 'ChangePassword', params)
      })
      return problem?.code === 'wrong_credentials'
        ? { code: 'wrong_password', message: 'Your current password is wrong.', field: 'current' }
        : problem
    },
    cancel: back,
  }
}

/** The pool's user names ignore case; spaces come from pasting. */
const tidy = (email: string): string => email.trim().toLowerCase()

const explained = (verb: () => Promise<unknown>): Result =>
  toResult(async () => {
    try {
      await verb()
    } catch (error) {
      throw error instanceof PoolError ? explain(error) : error
    }
  })

async function withPassword(password: string, verb: () => Promise<unknown>): Promise<UserError | null> {
  if (password.length >= PASSWORD_MIN) return explained(verb)
  const message = `This password is too short: use at least ${PASSWORD_MIN} characters.`
  return { code: 'weak_password', field: 'password', message }
}
