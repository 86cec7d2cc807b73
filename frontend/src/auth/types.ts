/** Types shared by the session and the sign-in flows. */
import type { Signal } from '@preact/signals'
import type { AuthModel, Session } from '../core/model'
import type { Config } from '../core/net/config'
import type { Me } from '../core/net/protocol'
import type { Tokens } from './tokens'

export interface SessionDeps {
  config: Promise<Config>
  tokens: Tokens
  loadMe(): Promise<Me>
}

/** What the sign-in flows need of the session. */
export interface SignInDeps extends SessionDeps {
  session: Signal<Session>
  updateMe(me: Me): Promise<void>
  /** Send a message to the other tabs. */
  notifyTabs(message: TabMessage): void
}

export type SignInFlows = Omit<AuthModel, 'signOut' | 'signUpPolicy' | 'twoStep'>

export type TabMessage = 'signed-out' | 'signed-in'
