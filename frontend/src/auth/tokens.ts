/** The tokens of the session: the access token is in memory, and one tab at a time refreshes it before it expires. */
import { signal } from '@preact/signals'
import type { Config } from '../core/net/config'
import { networkError, signedOutError } from '../core/net/errors'
import { fetchJson, type TokenSource } from '../core/net/http'
import type { Me } from '../core/net/protocol'
import { randomId, withLock } from '../core/platform/browser'
import { type AuthenticationResult, callPool, type Grant, PoolError, toGrant } from './cognito'
import { forgetSession, type StoredSession, readStoredSession, writeStoredSession } from './sessionStore'

/** A token that expires this soon is refreshed first. */
const EXPIRY_MARGIN_MS = 60_000
const LOCK = 'imchat:refresh'
/** Errors that end the session; all others are temporary. */
const FATAL_ERRORS = new Set(['NotAuthorized', 'UserNotFound', 'InvalidParameter', 'RefreshTokenReuse', 'ResourceNotFound'])

/** The group of administrators. */
const ADMIN_GROUP = 'admins'

/** Return the id of a stored session; older versions stored none. */
const idOf = (stored: StoredSession | null): string | null => (stored ? (stored.id ?? '') : null)

export class Tokens implements TokenSource {
  /** Whether the access token names the user an administrator. It decides what is shown; the server decides what is allowed. */
  readonly isAdmin = signal(false)
  /** Called when this tab lost its session: the server ended it (`deleted`: the stored session is), or another tab signed in. */
  onSessionLost: (deleted: Promise<void>) => void = () => undefined
  /** The stored session that the tokens belong to; null while signed out. */
  private sessionId: string | null = null
  private grant: { token: string; expiresAt: number } | null = null
  private refreshing: Promise<string> | null = null
  private ended = new AbortController()
  private deleting: Promise<StoredSession | null> = Promise.resolve(null)

  constructor(private readonly config: Promise<Config>) {}

  /** Aborted when the current session ends in this tab. */
  get signal(): AbortSignal {
    return this.ended.signal
  }

  storedSession(): Promise<StoredSession | null> {
    return readStoredSession()
  }

  /** Return the stored session once deletions in progress are done. */
  async settledSession(): Promise<StoredSession | null> {
    await this.deleting
    return withLock(LOCK, readStoredSession)
  }

  /** Use the tokens of `stored` from now on; those of another session are dropped. */
  use(stored: StoredSession | null): void {
    if (idOf(stored) === this.sessionId) return
    this.drop()
    this.sessionId = idOf(stored)
  }

  /** Whether the browser's stored session is the one that this tab uses. */
  async isCurrent(): Promise<boolean> {
    return idOf(await readStoredSession()) === this.sessionId
  }

  /** Forget the tokens in this tab, and end its requests for them. */
  drop(): void {
    this.ended.abort()
    this.ended = new AbortController()
    this.sessionId = null
    this.grant = null
    this.refreshing = null
    this.isAdmin.value = false
  }

  /** Forget the session that another tab signed out of. */
  endElsewhere(): void {
    this.drop()
    forgetSession()
  }

  /** Start a session with the tokens of a sign-in. */
  async setSession(grant: Grant): Promise<void> {
    const stored = { id: randomId(), refreshToken: grant.refreshToken ?? '', me: null }
    await withLock(LOCK, () => writeStoredSession(stored))
    this.use(stored)
    this.setAccessToken(grant)
  }

  async storeProfile(me: Me): Promise<void> {
    await this.updateStored((stored) => ({ ...stored, me }))
  }

  async accessToken(rejected?: string): Promise<string> {
    const { grant } = this
    if (this.sessionId === null) throw signedOutError()
    if (grant && grant.token !== rejected && grant.expiresAt - EXPIRY_MARGIN_MS > Date.now()) return grant.token
    if (!this.refreshing) {
      const { signal: ended } = this
      const refreshing = withLock(LOCK, () => this.refresh(ended)).finally(() => {
        if (this.refreshing === refreshing) this.refreshing = null
      })
      this.refreshing = refreshing
    }
    return this.refreshing
  }

  /** End the session: the server rejected even a new token. */
  invalidate(): void {
    this.onSessionLost(this.clear())
  }

  /** Sign out: delete the session here, close the server's connections and tickets, and revoke the refresh token. */
  async revoke(): Promise<void> {
    const { grant, sessionId } = this
    this.drop()
    const stored = await this.deleteStored(sessionId)
    if (!stored && !grant) return
    const { apiUrl, auth } = await this.config
    let refreshToken = stored?.refreshToken
    let token = grant && grant.expiresAt - EXPIRY_MARGIN_MS > Date.now() ? grant.token : null
    // Offline, the token stays valid until it expires, but no copy of it is left.
    if (!token && refreshToken !== undefined) {
      const renewed = await this.requestTokens(refreshToken).catch(() => null)
      token = renewed?.accessToken ?? null
      refreshToken = renewed?.refreshToken ?? refreshToken
    }
    if (token) {
      const headers = { Authorization: `Bearer ${token}` }
      await fetchJson(`${apiUrl}/me/sign-out`, { method: 'POST', headers, keepalive: true }).catch(() => undefined)
    }
    if (refreshToken !== undefined)
      await callPool(auth, 'RevokeToken', { Token: refreshToken, ClientId: auth.clientId }).catch(() => undefined)
  }

  /** Delete a session that the server rejected. */
  async clear(): Promise<void> {
    const { sessionId } = this
    this.drop()
    await this.deleteStored(sessionId)
  }

  /** Delete the stored session with this id, and return it; null if another one, or none, is stored. */
  private deleteStored(id: string | null): Promise<StoredSession | null> {
    this.deleting = withLock(LOCK, async () => {
      const stored = await readStoredSession()
      if (!stored || idOf(stored) !== id) return null
      await writeStoredSession(null)
      return stored
    })
    return this.deleting
  }

  /** Runs under the lock, so that two tabs never use the same refresh token. */
  private async refresh(ended: AbortSignal): Promise<string> {
    const { sessionId } = this
    const stored = await readStoredSession()
    if (ended.aborted) throw signedOutError()
    if (!stored || idOf(stored) !== sessionId) {
      // Another tab signed out or signed in, and its message has not arrived.
      this.drop()
      this.onSessionLost(Promise.resolve())
      throw signedOutError()
    }
    try {
      const grant = await this.requestTokens(stored.refreshToken, ended)
      if (ended.aborted) throw signedOutError()
      if (grant.refreshToken) await writeStoredSession({ ...stored, refreshToken: grant.refreshToken })
      if (ended.aborted) throw signedOutError()
      return this.setAccessToken(grant)
    } catch (error) {
      if (ended.aborted) throw signedOutError()
      if (!(error instanceof PoolError) || !FATAL_ERRORS.has(error.type)) throw networkError()
      this.drop()
      this.onSessionLost(writeStoredSession(null))
      throw signedOutError()
    }
  }

  /** Change the stored session, unless another one has replaced it. */
  private async updateStored(change: (stored: StoredSession) => StoredSession): Promise<void> {
    const { sessionId } = this
    await withLock(LOCK, async () => {
      const stored = await readStoredSession()
      if (stored && idOf(stored) === sessionId) await writeStoredSession(change(stored))
    })
  }

  private async requestTokens(refreshToken: string, signal?: AbortSignal): Promise<Grant> {
    const { auth } = await this.config
    const params = { RefreshToken: refreshToken, ClientId: auth.clientId }
    const response = await callPool<{ AuthenticationResult: AuthenticationResult }>(auth, 'GetTokensFromRefreshToken', params, signal)
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
