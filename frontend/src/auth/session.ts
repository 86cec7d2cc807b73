/** The session: who is signed in, in this tab and the others. The sign-in flows load only when needed. */
import { signal, type ReadonlySignal } from '@preact/signals'
import type { AuthModel, Session } from '../core/model'
import { ApiError, networkError, type Result, toResult, toUserError, type UserError } from '../core/net/errors'
import type { Me, SiteSignUp } from '../core/net/protocol'
import { openBroadcastChannel } from '../core/platform/browser'
import type { TwoStep } from './twoStep'
import type { SessionDeps, SignInFlows, TabMessage } from './types'

export interface SessionControl {
  session: ReadonlySignal<Session>
  auth: AuthModel
  /** Store the user's own profile after a change. Does nothing if another user is signed in by now. */
  updateMe(me: Me): Promise<void>
}

export function createSession(deps: SessionDeps): SessionControl {
  const { config, tokens, loadMe } = deps
  const session = signal<Session>({ state: 'starting' })
  const signUpPolicy = signal<SiteSignUp | null>(null)
  void config.then(({ signUp }) => (signUpPolicy.value = signUp))
  let flows: Promise<SignInFlows> | null = null
  const channel = openBroadcastChannel<TabMessage>('imchat:session', (message) => {
    if (message === 'signed-in') void resume()
    // The forms of a sign-up in this tab stay.
    else if (isRunning()) {
      tokens.endElsewhere()
      session.value = { state: 'signed-out' }
    }
  })
  tokens.onSessionLost = (deleted) => {
    session.value = { state: 'signed-out' }
    void deleted.then(resume).then((stored) => {
      if (!stored) channel.post('signed-out')
    })
  }
  // A tab that was frozen, or in the back/forward cache, has missed messages.
  addEventListener('pageshow', () => void compareWithStored())
  addEventListener('focus', () => void compareWithStored())

  const isRunning = (): boolean => ['starting', 'signed-in'].includes(session.peek().state)

  async function compareWithStored(): Promise<void> {
    const { state } = session.peek()
    if ((state === 'signed-in' || state === 'signed-out') && !(await tokens.isCurrent())) await resume()
  }

  /** Show the stored session's user, or the sign-in form if there is none. Returns whether there is a stored session. */
  async function resume(): Promise<boolean> {
    const stored = await tokens.storedSession()
    const current = session.peek()
    tokens.use(stored)
    if (!stored) {
      if (isRunning()) session.value = { state: 'signed-out' }
      // The first letter in the form means that the flows are needed soon. Not the focus: the form has it at the start.
      addEventListener('input', () => void loadFlows().catch(() => undefined), { once: true })
      return false
    }
    const ended = tokens.signal
    void flows?.then((f) => f.clearSecrets())
    const isOther = current.state !== 'signed-in' || current.me.user_id !== stored.me?.user_id
    if (stored.me && isOther) session.value = { state: 'signed-in', me: stored.me }
    // Another tab is signing in another user.
    else if (isOther && current.state === 'signed-in') session.value = { state: 'starting' }
    try {
      const me = await loadMe(ended)
      if (!ended.aborted) await startSession(me)
    } catch (error) {
      if (ended.aborted) return true
      // Offline, the stored profile is enough; without one there is nothing to show.
      if (stored.me && !(error instanceof ApiError && error.status === 401)) return true
      tokens.drop()
      session.value = { state: 'signed-out' }
    }
    return true
  }

  async function startSession(me: Me): Promise<void> {
    session.value = { state: 'signed-in', me }
    await tokens.storeProfile(me)
  }

  async function updateMe(me: Me): Promise<void> {
    const current = session.peek()
    if (current.state === 'signed-in' && current.me.user_id === me.user_id) await startSession(me)
  }

  function loadFlows(): Promise<SignInFlows> {
    const flowDeps = { ...deps, session, startSession, notifyTabs: (message: TabMessage) => channel.post(message) }
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

  const loadTwoStep = (): Promise<TwoStep> =>
    import('./twoStep').then(
      ({ createTwoStep }) => createTwoStep(deps),
      () => {
        throw networkError()
      },
    )
  const twoStepValue = async <T>(read: (twoStep: TwoStep) => Promise<T>): Promise<{ value: T } | { error: UserError }> => {
    try {
      return { value: await read(await loadTwoStep()) }
    } catch (error) {
      return { error: toUserError(error) }
    }
  }

  void resume()
  return {
    session,
    updateMe,
    auth: {
      signUpPolicy,
      signUp: flow((f) => f.signUp),
      confirm: flow((f) => f.confirm),
      resendCode: flow((f) => f.resendCode),
      signIn: flow((f) => f.signIn),
      setNewPassword: flow((f) => f.setNewPassword),
      sendAppCode: flow((f) => f.sendAppCode),
      forgotPassword: flow((f) => f.forgotPassword),
      resetPassword: flow((f) => f.resetPassword),
      changePassword: flow((f) => f.changePassword),
      cancel: () => void loadFlows().then((f) => f.cancel()),
      signOut: async () => {
        channel.post('signed-out')
        const revoked = tokens.revoke()
        session.value = { state: 'signed-out' }
        await revoked
      },
      twoStep: {
        isOn: () => twoStepValue((twoStep) => twoStep.isOn()),
        setUp: () => twoStepValue((twoStep) => twoStep.setUp()),
        turnOn: (code) => toResult(async () => (await loadTwoStep()).turnOn(code)),
        turnOff: () => toResult(async () => (await loadTwoStep()).turnOff()),
      },
    },
  }
}
