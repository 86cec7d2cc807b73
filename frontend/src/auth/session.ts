/** Who is signed in, and every way in and out. */
import { signal, type ReadonlySignal } from '@preact/signals'
import type { Config } from '../core/config'
import type { AuthModel, Problem, Session } from '../core/model'
import { openChannel } from '../core/platform'
import { outcome, Refusal, toProblem } from '../core/problem'
import type { Me } from '../core/protocol'
import { call } from './cognito'
import type { SignIn } from './srp'
import type { Tokens } from './tokens'

const PASSWORD_LEAST = 8

export interface SessionDeps {
  config: Promise<Config>
  tokens: Tokens
  loadMe(): Promise<Me>
}

export interface SessionControl {
  session: ReadonlySignal<Session>
  auth: AuthModel
  /** Our own profile changed. */
  updateMe(me: Me): Promise<void>
}

type News = { kind: 'signed-out' } | { kind: 'signed-in' }

export function createSession({ config, tokens, loadMe }: SessionDeps): SessionControl {
  const session = signal<Session>({ state: 'starting' })
  /** Kept while the sign-in goes on, to sign in by itself after a code. */
  let password = ''
  let challenge: Extract<SignIn, { kind: 'new-password' }> | null = null

  const channel = openChannel<News>('imchat:session', (news) => {
    if (news.kind === 'signed-in' && session.peek().state !== 'signed-in') void resume()
    if (news.kind === 'signed-out' && session.peek().state === 'signed-in') {
      tokens.forgotten = true
      session.value = { state: 'signed-out' }
    }
  })
  tokens.onLost = () => {
    if (session.peek().state === 'signed-in') session.value = { state: 'signed-out' }
  }

  const pool = async <T>(operation: string, params: Record<string, unknown>): Promise<T> => {
    const { auth } = await config
    return call<T>(auth, operation, { ClientId: auth.clientId, ...params })
  }

  async function resume(): Promise<void> {
    const kept = await tokens.kept()
    if (!kept) {
      session.value = { state: 'signed-out' }
      return
    }
    if (kept.me) session.value = { state: 'signed-in', me: kept.me }
    try {
      await updateMe(await loadMe())
    } catch (error) {
      // What is kept is shown meanwhile; without it there is nothing to show.
      if (!kept.me || (error instanceof Refusal && error.status === 401)) session.value = { state: 'signed-out' }
    }
  }

  async function updateMe(me: Me): Promise<void> {
    session.value = { state: 'signed-in', me }
    await tokens.remember(me)
  }

  async function enter(result: SignIn, email: string): Promise<void> {
    if (result.kind === 'new-password') {
      challenge = result
      session.value = { state: 'new-password', email }
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
    channel.post({ kind: 'signed-in' })
  }

  async function signIn(email: string, secret: string): Promise<void> {
    password = secret
    try {
      const srp = await import('./srp')
      await enter(await srp.signIn((await config).auth, email, secret), email)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.problem.code === 'unconfirmed') {
        session.value = { state: 'confirming', email }
        await pool('ResendConfirmationCode', { Username: email })
      } else if (error.problem.code === 'reset_required') {
        await sendReset(email)
      } else {
        throw error
      }
    }
  }

  async function sendReset(email: string): Promise<void> {
    await pool('ForgotPassword', { Username: email })
    session.value = { state: 'resetting', email }
  }

  const forget = (): void => {
    password = ''
    challenge = null
  }
  /** The address that the forms in between are about. */
  const email = (): string => {
    const now = session.peek()
    return 'email' in now ? now.email : ''
  }
  const back = (): void => {
    forget()
    session.value = { state: 'signed-out' }
  }

  const auth: AuthModel = {
    signUp: async (address, secret) =>
      checkPassword(secret) ??
      outcome(async () => {
        const name = tidy(address)
        const answer = await pool<{ UserConfirmed: boolean }>('SignUp', {
          Username: name,
          Password: secret,
          UserAttributes: [{ Name: 'email', Value: name }],
        })
        password = secret
        if (answer.UserConfirmed) await signIn(name, secret)
        else session.value = { state: 'confirming', email: name }
      }),
    confirm: (code) =>
      outcome(async () => {
        const name = email()
        await pool('ConfirmSignUp', { Username: name, ConfirmationCode: code.trim() })
        if (password) await signIn(name, password)
        else back()
      }),
    resendCode: () =>
      outcome(() =>
        session.peek().state === 'resetting'
          ? pool('ForgotPassword', { Username: email() })
          : pool('ResendConfirmationCode', { Username: email() }),
      ),
    signIn: (address, secret) => outcome(() => signIn(tidy(address), secret)),
    setNewPassword: async (secret) =>
      checkPassword(secret) ??
      outcome(async () => {
        if (!challenge) return back()
        try {
          await enter(await challenge.complete(secret), email())
        } catch (error) {
          if (toProblem(error).code === 'session_expired') back()
          throw error
        }
      }),
    forgotPassword: (address) => outcome(() => sendReset(tidy(address))),
    resetPassword: async (code, secret) =>
      checkPassword(secret) ??
      outcome(async () => {
        const name = email()
        await pool('ConfirmForgotPassword', { Username: name, ConfirmationCode: code.trim(), Password: secret })
        await signIn(name, secret)
      }),
    changePassword: async (current, next) =>
      checkPassword(next) ??
      outcome(async () => {
        const params = { AccessToken: await tokens.access(), PreviousPassword: current, ProposedPassword: next }
        try {
          await call((await config).auth, 'ChangePassword', params)
        } catch (error) {
          if (toProblem(error).code !== 'wrong_credentials') throw error
          const problem = { code: 'wrong_password', message: 'Your current password is wrong.', field: 'current' }
          throw new Refusal(problem, 400, false)
        }
      }),
    cancel: back,
    signOut: async () => {
      const revoked = tokens.revoke()
      session.value = { state: 'signed-out' }
      channel.post({ kind: 'signed-out' })
      await revoked
    },
  }
  void resume()
  return { session, auth, updateMe }
}

/** The pool's user names ignore case; spaces come from pasting. */
const tidy = (email: string): string => email.trim().toLowerCase()

const checkPassword = (password: string): Problem | null =>
  password.length >= PASSWORD_LEAST
    ? null
    : {
        code: 'weak_password',
        field: 'password',
        message: `This password is too short: use at least ${PASSWORD_LEAST} characters.`,
      }
