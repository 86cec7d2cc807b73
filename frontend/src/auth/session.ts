/** The session: who is signed in. The sign-in flows load only when needed. */
import { signal, type ReadonlySignal } from '@preact/signals'
import type { AuthModel, Session } from '../core/model'
import { ApiError, networkError, type Result } from '../core/net/errors'
import type { Me } from '../core/net/protocol'
import { openBroadcastChannel } from '../core/platform/browser'
import type { SessionDeps, SignInFlows, TabMessage } from './types'

export interface SessionControl {
  session: ReadonlySignal<Session>
  auth: AuthModel
  /** Store the user's own profile after a change. */
  updateMe(me: Me): Promise<void>
}

export function createSession(deps: SessionDeps): SessionControl {
  const { tokens, loadMe } = deps
  const session = signal<Session>({ state: 'starting' })
  const channel = openBroadcastChannel<TabMessage>('imchat:session', (message) => {
    if (message === 'signed-in' && session.peek().state !== 'signed-in') void resume()
    if (message === 'signed-out' && session.peek().state === 'signed-in') {
      tokens.signedOutByUser = true
      session.value = { state: 'signed-out' }
    }
  })
  tokens.onSessionLost = () => {
    if (session.peek().state === 'signed-in') session.value = { state: 'signed-out' }
  }

  async function resume(): Promise<void> {
    const stored = await tokens.storedSession()
    if (!stored) {
      session.value = { state: 'signed-out' }
      // The first letter in the form means that the flows are needed soon. Not the focus: the form has it at the start.
      addEventListener('input', () => void loadFlows().catch(() => undefined), { once: true })
      return
    }
    if (stored.me) session.value = { state: 'signed-in', me: stored.me }
    try {
      await updateMe(await loadMe())
    } catch (error) {
      // Offline, the stored profile is enough; without one there is nothing to show.
      if (!stored.me || (error instanceof ApiError && error.status === 401)) session.value = { state: 'signed-out' }
    }
  }

  async function updateMe(me: Me): Promise<void> {
    session.value = { state: 'signed-in', me }
    await tokens.storeProfile(me)
  }

  let flows: Promise<SignInFlows> | null = null
  function loadFlows(): Promise<SignInFlows> {
    const flowDeps = { ...deps, session, updateMe, notifyTabs: (message: TabMessage) => channel.post(message) }
    flows ??= import('./signInFlows').then(
      ({ createSignInFlows }) => createSignInFlows(flowDeps),
      () => {
        flows = null
        throw networkError()
      },
    )
    return flows
  }
  const flow =
    <A extends unknown[]>(pick: (flows: SignInFlows) => (...args: A) => Result) =>
    async (...args: A): Result => {
      try {
        return await pick(await loadFlows())(...args)
      } catch {
        return networkError().userError
      }
    }

  void resume()
  return {
    session,
    updateMe,
    auth: {
      signUp: flow((f) => f.signUp),
      confirm: flow((f) => f.confirm),
      resendCode: flow((f) => f.resendCode),
      signIn: flow((f) => f.signIn),
      setNewPassword: flow((f) => f.setNewPassword),
      forgotPassword: flow((f) => f.forgotPassword),
      resetPassword: flow((f) => f.resetPassword),
      changePassword: flow((f) => f.changePassword),
      cancel: () => void loadFlows().then((f) => f.cancel()),
      signOut: async () => {
        const revoked = tokens.revoke()
        session.value = { state: 'signed-out' }
        channel.post('signed-out')
        await revoked
      },
    },
  }
}
