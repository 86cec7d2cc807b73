/** Who is signed in. The ways in and out are a chunk of their own: a returning person needs none of them. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { Config } from '../core/net/config'
import type { AuthModel, Session } from '../core/model'
import type { Result } from '../core/net/errors'
import { openBroadcastChannel } from '../core/platform/browser'
import { networkError, ApiError } from '../core/net/errors'
import type { Me } from '../core/net/protocol'
import type { Tokens } from './tokens'

export interface SessionDeps {
  config: Promise<Config>
  tokens: Tokens
  loadMe(): Promise<Me>
}

/** What the ways in need of the session. */
export interface Door extends SessionDeps {
  session: Signal<Session>
  updateMe(me: Me): Promise<void>
  /** Tells the other tabs. */
  tell(news: News): void
}

export type SignInFlows = Omit<AuthModel, 'signOut'>

export interface SessionControl {
  session: ReadonlySignal<Session>
  auth: AuthModel
  /** Our own profile changed. */
  updateMe(me: Me): Promise<void>
}

type News = 'signed-out' | 'signed-in'

export function createSession(deps: SessionDeps): SessionControl {
  const { tokens, loadMe } = deps
  const session = signal<Session>({ state: 'starting' })
  const channel = openBroadcastChannel<News>('imchat:session', (news) => {
    if (news === 'signed-in' && session.peek().state !== 'signed-in') void resume()
    if (news === 'signed-out' && session.peek().state === 'signed-in') {
      tokens.forgotten = true
      session.value = { state: 'signed-out' }
    }
  })
  tokens.onLost = () => {
    if (session.peek().state === 'signed-in') session.value = { state: 'signed-out' }
  }

  async function resume(): Promise<void> {
    const kept = await tokens.kept()
    if (!kept) {
      session.value = { state: 'signed-out' }
      // Whoever goes to the form will need it in a moment.
      addEventListener('focusin', () => void loadFlows().catch(() => undefined), { once: true })
      return
    }
    if (kept.me) session.value = { state: 'signed-in', me: kept.me }
    try {
      await updateMe(await loadMe())
    } catch (error) {
      // What is kept is shown meanwhile; without it there is nothing to show.
      if (!kept.me || (error instanceof ApiError && error.status === 401)) session.value = { state: 'signed-out' }
    }
  }

  async function updateMe(me: Me): Promise<void> {
    session.value = { state: 'signed-in', me }
    await tokens.remember(me)
  }

  let flows: Promise<SignInFlows> | null = null
  function loadFlows(): Promise<SignInFlows> {
    const door = { ...deps, session, updateMe, tell: (news: News) => channel.post(news) }
    flows ??= import('./signInFlows').then(
      ({ createSignInFlows }) => createSignInFlows(door),
      () => {
        flows = null
        throw networkError()
      },
    )
    return flows
  }
  const way =
    <A extends unknown[]>(pick: (flows: SignInFlows) => (...args: A) => Result) =>
    async (...args: A): Result => {
      try {
        return await pick(await loadFlows())(...args)
      } catch {
        return networkError().problem
      }
    }

  void resume()
  return {
    session,
    updateMe,
    auth: {
      signUp: way((w) => w.signUp),
      confirm: way((w) => w.confirm),
      resendCode: way((w) => w.resendCode),
      signIn: way((w) => w.signIn),
      setNewPassword: way((w) => w.setNewPassword),
      forgotPassword: way((w) => w.forgotPassword),
      resetPassword: way((w) => w.resetPassword),
      changePassword: way((w) => w.changePassword),
      cancel: () => void loadFlows().then((w) => w.cancel()),
      signOut: async () => {
        const revoked = tokens.revoke()
        session.value = { state: 'signed-out' }
        channel.post('signed-out')
        await revoked
      },
    },
  }
}
