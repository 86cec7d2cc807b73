/** The tokens of the signed-in person: the access token in memory, renewed before its time by one tab at a time. */
import { signal } from '@preact/signals'
import type { Config } from '../core/net/config'
import { fetchJson, type TokenSource } from '../core/net/http'
import { withLock } from '../core/platform/browser'
import { networkError, signedOutError } from '../core/net/errors'
import type { Me } from '../core/net/protocol'
import { type AuthenticationResult, call, type Grant, grantOf, PoolError } from './cognito'
import { type Kept, readStoredSession, writeStoredSession } from './sessionStore'

/** A token this close to its end is renewed first. */
const MARGIN_MS = 60_000
const LOCK = 'imchat:refresh'
/** Refusals that end a session; any other may pass. */
const FINAL = new Set(['NotAuthorized', 'UserNotFound', 'InvalidParameter', 'RefreshTokenReuse', 'ResourceNotFound'])

/** The group whose members administer the site. */
const ADMINS = 'admins'

export class Tokens implements TokenSource {
  /** Whether the token says that the person administers the site: what to show; the server judges. */
  readonly isAdmin = signal(false)
  /** Whether the person signed out themselves: then nothing of theirs may stay. */
  forgotten = false
  /** Called when the session ended without being asked to. */
  onLost: () => void = () => undefined
  private grant: { token: string; until: number } | null = null
  private refreshing: Promise<string> | null = null

  constructor(private readonly config: Promise<Config>) {}

  kept(): Promise<Kept | null> {
    return readStoredSession()
  }

  /** Takes what a sign-in brought. */
  async adopt(grant: Grant): Promise<void> {
    this.forgotten = false
    this.hold(grant)
    await withLock(LOCK, () => writeStoredSession({ refreshToken: grant.refreshToken ?? '', me: null }))
  }

  async remember(me: Me): Promise<void> {
    await withLock(LOCK, async () => {
      const kept = await readStoredSession()
      if (kept) await writeStoredSession({ ...kept, me })
    })
  }

  async access(refused?: string): Promise<string> {
    const { grant } = this
    if (grant && grant.token !== refused && grant.until - MARGIN_MS > Date.now()) return grant.token
    this.refreshing ??= withLock(LOCK, () => this.refresh()).finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  lost(): void {
    this.grant = null
    this.onLost()
  }

  /** Signs out: forgets at once, has open lines closed and tickets void, and the refresh token revoked. */
  async revoke(): Promise<void> {
    const { grant } = this
    this.forgotten = true
    this.grant = null
    const kept = await withLock(LOCK, async () => {
      const before = await readStoredSession()
      await writeStoredSession(null)
      return before
    })
    if (!kept) return
    const { apiUrl, auth } = await this.config
    let { refreshToken } = kept
    let token = grant && grant.until - MARGIN_MS > Date.now() ? grant.token : null
    // Without a network a token stays valid until it expires; nobody has it any more.
    if (!token) {
      const renewed = await this.renew(refreshToken).catch(() => null)
      token = renewed?.accessToken ?? null
      refreshToken = renewed?.refreshToken ?? refreshToken
    }
    if (token) {
      const headers = { Authorization: `Bearer ${token}` }
      await fetchJson(`${apiUrl}/me/sign-out`, { method: 'POST', headers, keepalive: true }).catch(() => undefined)
    }
    await call(auth, 'RevokeToken', { Token: refreshToken, ClientId: auth.clientId }).catch(() => undefined)
  }

  /** Forgets a session that the server ended. */
  async drop(): Promise<void> {
    this.grant = null
    await withLock(LOCK, () => writeStoredSession(null))
  }

  /** Under the lock, so that two tabs never spend one refresh token twice. */
  private async refresh(): Promise<string> {
    const kept = await readStoredSession()
    if (!kept) {
      this.lost()
      throw signedOutError()
    }
    try {
      const grant = await this.renew(kept.refreshToken)
      if (grant.refreshToken) await writeStoredSession({ ...kept, refreshToken: grant.refreshToken })
      return this.hold(grant)
    } catch (error) {
      if (!(error instanceof PoolError) || !FINAL.has(error.type)) throw networkError()
      await writeStoredSession(null)
      this.lost()
      throw signedOutError()
    }
  }

  private async renew(refreshToken: string): Promise<Grant> {
    const { auth } = await this.config
    const params = { RefreshToken: refreshToken, ClientId: auth.clientId }
    const answer = await call<{ AuthenticationResult: AuthenticationResult }>(auth, 'GetTokensFromRefreshToken', params)
    return grantOf(answer.AuthenticationResult)
  }

  private hold(grant: Grant): string {
    this.grant = { token: grant.accessToken, until: Date.now() + grant.lifetimeMs }
    this.isAdmin.value = groupsIn(grant.accessToken).includes(ADMINS)
    return grant.accessToken
  }
}

/** The groups that a token names; none where it cannot be read. */
function groupsIn(token: string): readonly unknown[] {
  try {
    const claims: unknown = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
    const groups = (claims as Record<string, unknown>)['cognito:groups']
    return Array.isArray(groups) ? groups : []
  } catch {
    return []
  }
}
