/** The tokens of the session: the access token is in memory, and one tab at a time refreshes it before it expires. */
import { signal } from '@preact/signals'
import type { Config } from '../core/net/config'
import { networkError, signedOutError } from '../core/net/errors'
import { fetchJson, type TokenSource } from '../core/net/http'
import type { Me } from '../core/net/protocol'
import { withLock } from '../core/platform/browser'
import { type AuthenticationResult, callPool, type Grant, PoolError, toGrant } from './cognito'
import { type StoredSession, readStoredSession, writeStoredSession } from './sessionStore'

/** A token that expires this soon is refreshed first. */
const EXPIRY_MARGIN_MS = 60_000
const LOCK = 'imchat:refresh'
/** Errors that end the session; all others are temporary. */
const FATAL_ERRORS = new Set(['NotAuthorized', 'UserNotFound', 'InvalidParameter', 'RefreshTokenReuse', 'ResourceNotFound'])

/** The group of administrators. */
const ADMIN_GROUP = 'admins'

export class Tokens implements TokenSource {
  /** Whether the access token names the user an administrator. It decides what is shown; the server decides what is allowed. */
  readonly isAdmin = signal(false)
  /** Whether the user signed out themselves, so that their data must be deleted from this browser. */
  signedOutByUser = false
  /** Called when the session ends other than by `revoke`. */
  onSessionLost: () => void = () => undefined
  private grant: { token: string; expiresAt: number } | null = null
  private refreshing: Promise<string> | null = null

  constructor(private readonly config: Promise<Config>) {}

  storedSession(): Promise<StoredSession | null> {
    return readStoredSession()
  }

  /** Start a session with the tokens of a sign-in. */
  async setSession(grant: Grant): Promise<void> {
    this.signedOutByUser = false
    this.setAccessToken(grant)
    await withLock(LOCK, () => writeStoredSession({ refreshToken: grant.refreshToken ?? '', me: null }))
  }

  async storeProfile(me: Me): Promise<void> {
    await withLock(LOCK, async () => {
      const stored = await readStoredSession()
      if (stored) await writeStoredSession({ ...stored, me })
    })
  }

  async accessToken(rejected?: string): Promise<string> {
    const { grant } = this
    if (grant && grant.token !== rejected && grant.expiresAt - EXPIRY_MARGIN_MS > Date.now()) return grant.token
    this.refreshing ??= withLock(LOCK, () => this.refresh()).finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  invalidate(): void {
    this.grant = null
    this.onSessionLost()
  }

  /** Sign out: delete the session here, close the server's connections and tickets, and revoke the refresh token. */
  async revoke(): Promise<void> {
    const { grant } = this
    this.signedOutByUser = true
    this.grant = null
    const stored = await withLock(LOCK, async () => {
      const before = await readStoredSession()
      await writeStoredSession(null)
      return before
    })
    if (!stored) return
    const { apiUrl, auth } = await this.config
    let { refreshToken } = stored
    let token = grant && grant.expiresAt - EXPIRY_MARGIN_MS > Date.now() ? grant.token : null
    // Offline, the token stays valid until it expires, but no copy of it is left.
    if (!token) {
      const renewed = await this.requestTokens(refreshToken).catch(() => null)
      token = renewed?.accessToken ?? null
      refreshToken = renewed?.refreshToken ?? refreshToken
    }
    if (token) {
      const headers = { Authorization: `Bearer ${token}` }
      await fetchJson(`${apiUrl}/me/sign-out`, { method: 'POST', headers, keepalive: true }).catch(() => undefined)
    }
    await callPool(auth, 'RevokeToken', { Token: refreshToken, ClientId: auth.clientId }).catch(() => undefined)
  }

  /** Delete a session that the server rejected. */
  async clear(): Promise<void> {
    this.grant = null
    await withLock(LOCK, () => writeStoredSession(null))
  }

  /** Runs under the lock, so that two tabs never use the same refresh token. */
  private async refresh(): Promise<string> {
    const stored = await readStoredSession()
    if (!stored) {
      this.invalidate()
      throw signedOutError()
    }
    try {
      const grant = await this.requestTokens(stored.refreshToken)
      if (grant.refreshToken) await writeStoredSession({ ...stored, refreshToken: grant.refreshToken })
      return this.setAccessToken(grant)
    } catch (error) {
      if (!(error instanceof PoolError) || !FATAL_ERRORS.has(error.type)) throw networkError()
      await writeStoredSession(null)
      this.invalidate()
      throw signedOutError()
    }
  }

  private async requestTokens(refreshToken: string): Promise<Grant> {
    const { auth } = await this.config
    const params = { RefreshToken: refreshToken, ClientId: auth.clientId }
    const response = await callPool<{ AuthenticationResult: AuthenticationResult }>(auth, 'GetTokensFromRefreshToken', params)
    return toGrant(response.AuthenticationResult)
  }

  private setAccessToken(grant: Grant): string {
    this.grant = { token: grant.accessToken, expiresAt: Date.now() + grant.lifetimeMs }
    this.isAdmin.value = groupsIn(grant.accessToken).includes(ADMIN_GROUP)
    return grant.accessToken
  }
}

/** Return the groups in a token; none if it cannot be parsed. */
function groupsIn(token: string): readonly unknown[] {
  try {
    const claims: unknown = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
    const groups = (claims as Record<string, unknown>)['cognito:groups']
    return Array.isArray(groups) ? groups : []
  } catch {
    return []
  }
}
