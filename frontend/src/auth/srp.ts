/** Sign-in by the Secure Remote Password protocol. */
import { AuthenticationDetails, CognitoUser, CognitoUserPool, type CognitoUserSession } from 'amazon-cognito-identity-js'
import type { Config } from '../core/net/config'
import { networkError, ApiError } from '../core/net/errors'
import { type Grant, PoolError } from './cognito'

export type SignIn =
  | { kind: 'granted'; grant: Grant }
  /** The password was a temporary one; `complete` sets the next. */
  | { kind: 'new-password'; complete(password: string): Promise<SignIn> }

/** Throws PoolError, or Refusal `network`. */
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
      reject(new ApiError({ code: 'unsupported', message: 'This account needs a second factor, which is not supported yet.' }, 400, false))
    start({
      onSuccess: (session) => resolve({ kind: 'granted', grant: grantOf(session) }),
      onFailure: (error: unknown) => reject(errorOf(error)),
      newPasswordRequired: () =>
        resolve({
          kind: 'new-password',
          complete: (password) => run(user, (callbacks) => user.completeNewPasswordChallenge(password, {}, callbacks)),
        }),
      mfaRequired: unsupported,
      totpRequired: unsupported,
      mfaSetup: unsupported,
      selectMFAType: unsupported,
      customChallenge: unsupported,
    })
  })
}

function grantOf(session: CognitoUserSession): Grant {
  const access = session.getAccessToken()
  return {
    accessToken: access.getJwtToken(),
    lifetimeMs: (access.getExpiration() - access.getIssuedAt()) * 1000,
    refreshToken: session.getRefreshToken().getToken(),
  }
}

function errorOf(error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string }
  return code === 'NetworkError' ? networkError() : new PoolError(code ?? '', message ?? '')
}

/** The library wants a place for its tokens; ours are kept elsewhere. */
class NullStorage {
  setItem(): void {}
  getItem(): null {
    return null
  }
  removeItem(): void {}
  clear(): void {}
}
