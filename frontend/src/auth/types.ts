/** Types shared by the session and the sign-in flows. */
import type { Signal } from '@preact/signals'
import type { AuthModel, Session } from '../core/model'
import type { Config } from '../core/net/config'
import type { Me } from '../core/net/protocol'
import type { Tokens } from './tokens'

export interface SessionDeps {
  config: Promise<Config>
  tokens: Tokens
  /** Read the profile of the signed-in user; `ended` ends the request. */
  loadMe(ended: AbortSignal): Promise<Me>
}

/** What the sign-in flows need of the session. */
export interface SignInDeps extends SessionDeps {
  session: Signal<Session>
  /** Show and store the profile of the user who signed in. */
  startSession(me: Me): Promise<void>
  /** Send a message to the other tabs. */
  notifyTabs(message: TabMessage): void
}

export type SignInFlows = Omit<AuthModel, 'signOut' | 'signUpPolicy' | 'twoStep'> & {
  /** Forget passwords of a sign-in that another tab made unnecessary. */
  clearSecrets(): void
}

export type TabMessage = 'signed-out' | 'signed-in'
