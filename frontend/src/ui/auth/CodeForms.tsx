/** The later sign-in steps: entering a code, by e-mail or of an authenticator app, and setting a new password. */
import { useSignal } from '@preact/signals'
import type { Result } from '../../core/net/errors'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { useModel } from '../app/context'
import { TextButton } from '../primitives/Button'
import { AuthForm } from './AuthForm'
import { codeField, newPasswordField } from './fields'
import { VALIDATORS } from './validation'

interface Props {
  email: string
}

/** Links to send another code, if `resend` is given, and back to sign-in. */
function Footer({ resend }: { resend?: () => Result }) {
  const { auth } = useModel()
  const status = useSignal<string | null>(null)
  const resendCode = async () => {
    const error = await resend?.()
    status.value = error ? error.message : t('auth.codeResent')
    announce(status.value)
  }
  return (
    <>
      {status.value && <p class="auth-card-note">{status.value}</p>}
      {resend && <TextButton onClick={() => void resendCode()}>{t('auth.resendCode')}</TextButton>}
      <TextButton onClick={() => auth.cancel()}>{t('auth.backToSignIn')}</TextButton>
    </>
  )
}

export function ConfirmForm({ email }: Props) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.confirmTitle')}
      lead={t('auth.confirmLead', { email })}
      fields={[codeField()]}
      action={t('auth.confirm')}
      submit={(values) => auth.confirm(values.code.trim())}
      footer={<Footer resend={() => auth.resendCode()} />}
    />
  )
}

export function ResetForm({ email }: Props) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.resetTitle')}
      lead={t('auth.resetLead', { email })}
      fields={[codeField(), newPasswordField()]}
      action={t('auth.setPassword')}
      submit={(values) => auth.resetPassword(values.code.trim(), values.password)}
      footer={<Footer resend={() => auth.forgotPassword(email)} />}
    />
  )
}

export function AppCodeForm({ email }: Props) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.appCodeTitle')}
      lead={t('auth.appCodeLead', { email })}
      fields={[codeField(VALIDATORS.appCode)]}
      action={t('auth.signIn')}
      submit={(values) => auth.sendAppCode(values.code)}
      footer={<><p class="auth-card-note">{t('auth.appLost')}</p><Footer /></>}
    />
  )
}

export function NewPasswordForm({ email }: Props) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.newPasswordTitle')}
      lead={t('auth.newPasswordLead', { email })}
      fields={[newPasswordField()]}
      action={t('auth.setPassword')}
      submit={(values) => auth.setNewPassword(values.password)}
      footer={<Footer />}
    />
  )
}
