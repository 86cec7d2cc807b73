/** Sign-in with the Secure Remote Password protocol. */
import '../i18n/signIn'
import { AuthenticationDetails, CognitoUser, CognitoUserPool, type CognitoUserSession } from 'amazon-cognito-identity-js'
import type { Config } from '../core/net/config'
import { ApiError, networkError } from '../core/net/errors'
import { t } from '../i18n'
import { type Grant, PoolError } from './cognito'

export type SignIn =
  | { kind: 'granted'; grant: Grant }
  /** The password was temporary; `complete` sets a new one and signs in. */
  | { kind: 'new-password'; complete(password: string): Promise<SignIn> }
  /** The account has two-step sign-in; `complete` sends a code. After a wrong one it can be called again. */
  | { kind: 'code'; complete(code: string): Promise<SignIn> }

/** Throws PoolError, or ApiError `network`. */
export function signIn(auth: Config['auth'], email: string, password: string): Promise<SignIn> {
  const storage = new NullStorage()
  const pool = new CognitoUserPool({
    UserPoolId: auth.userPoolId,
    ClientId: auth.clientId,
    endpoint: auth.endpoint,
    Storage: storage,
    AdvancedSecurityDataCollectionFlag: false,
  })
  const user = new CognitoUser({ Username: email, Pool: pool, Storage: storage })
  return run(user, (callbacks) =>
    user.authenticateUser(new AuthenticationDetails({ Username: email, Password: password }), callbacks),
  )
}

type Callbacks = Parameters<CognitoUser['authenticateUser']>[1]

function run(user: CognitoUser, start: (callbacks: Callbacks) => void): Promise<SignIn> {
  return new Promise((resolve, reject) => {
    const unsupported = (): void =>
      reject(new ApiError({ code: 'unsupported', message: t('signInError.unsupportedFactor') }, 400, false))
    start({
      onSuccess: (session) => resolve({ kind: 'granted', grant: toGrant(session) }),
      onFailure: (error: unknown) => reject(toError(error)),
      newPasswordRequired: () =>
        resolve({
          kind: 'new-password',
          complete: (password) => run(user, (callbacks) => user.completeNewPasswordChallenge(password, {}, callbacks)),
        }),
      mfaRequired: unsupported,
      totpRequired: () =>
        resolve({
          kind: 'code',
          complete: (code) => run(user, (callbacks) => user.sendMFACode(code, callbacks, 'SOFTWARE_TOKEN_MFA')),
        }),
      mfaSetup: unsupported,
      selectMFAType: unsupported,
      customChallenge: unsupported,
    })
  })
}

function toGrant(session: CognitoUserSession): Grant {
  const access = session.getAccessToken()
  return {
    accessToken: access.getJwtToken(),
    lifetimeMs: (access.getExpiration() - access.getIssuedAt()) * 1000,
    refreshToken: session.getRefreshToken().getToken(),
  }
}

function toError(error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string }
  return code === 'NetworkError' ? networkError() : new PoolError(code ?? '', message ?? '')
}

/** A storage for the library that stores nothing: `sessionStore` keeps the tokens. */
class NullStorage {
  setItem(): void {}
  getItem(): null {
    return null
  }
  removeItem(): void {}
  clear(): void {}
}
