/** Two-step sign-in of the signed-in user: sets up an authenticator app, and turns its codes on and off. */
import type { TwoStepSetup } from '../core/model'
import { signedOutError } from '../core/net/errors'
import { t } from '../i18n'
import { callPool, PoolError } from './cognito'
import { toAppCodeError } from './errors'
import type { SessionDeps } from './types'

interface PoolUser {
  UserAttributes: { Name: string; Value: string }[]
  UserMFASettingList?: string[]
}

/** The operations; each throws ApiError. The access token needs the scope `aws.cognito.signin.user.admin`, which sign-in gives. */
export interface TwoStep {
  isOn(): Promise<boolean>
  setUp(): Promise<TwoStepSetup>
  turnOn(code: string): Promise<void>
  turnOff(): Promise<void>
}

export function createTwoStep({ config, tokens }: SessionDeps): TwoStep {
  const call = async <T>(operation: string, params: Record<string, unknown> = {}): Promise<T> => {
    const AccessToken = await tokens.accessToken()
    try {
      return await callPool<T>((await config).auth, operation, { AccessToken, ...params })
    } catch (error) {
      if (!(error instanceof PoolError)) throw error
      throw error.type === 'NotAuthorized' ? signedOutError() : toAppCodeError(error)
    }
  }
  const setPreference = (on: boolean): Promise<unknown> =>
    call('SetUserMFAPreference', { SoftwareTokenMfaSettings: { Enabled: on, PreferredMfa: on } })

  return {
    isOn: async () => (await call<PoolUser>('GetUser')).UserMFASettingList?.includes('SOFTWARE_TOKEN_MFA') ?? false,
    setUp: async () => {
      const { UserAttributes } = await call<PoolUser>('GetUser')
      const email = UserAttributes.find((attribute) => attribute.Name === 'email')?.Value ?? ''
      const { SecretCode: secret } = await call<{ SecretCode: string }>('AssociateSoftwareToken')
      return { secret, uri: setupUri(location.hostname, email, secret) }
    },
    turnOn: async (code) => {
      await call('VerifySoftwareToken', { UserCode: code.replace(/\s/g, '') })
      await setPreference(true)
    },
    turnOff: async () => void (await setPreference(false)),
  }
}

/**
 * Return the `otpauth` URI of a secret: the app shows it as the account `email` of "imchat" at `host`.
 * Source: https://github.com/google/google-authenticator/wiki/Key-Uri-Format. The omitted values are the defaults of all
 * apps, and those of user pools: SHA-1, 6 digits, 30 seconds.
 */
export function setupUri(host: string, email: string, secret: string): string {
  // A colon ends the issuer.
  const issuer = encodeURIComponent(`${t('app.name')} ${host.replace(/[[\]]/g, '').replaceAll(':', '-')}`)
  return `otpauth://totp/${issuer}:${encodeURIComponent(email)}?secret=${secret}&issuer=${issuer}`
}
