/** The forms of a signed-out user: sign in, create an account, forgotten password. */
import type { Signal } from '@preact/signals'
import { list, t } from '../../i18n'
import { useModel } from '../app/context'
import { TextButton } from '../primitives/Button'
import { AuthForm } from './AuthForm'
import { emailField, newPasswordField, passwordField } from './fields'

export type SignedOutForm = 'sign-in' | 'sign-up' | 'forgot'

interface Props {
  /** Keeps the address when the user changes to another form. */
  email: Signal<string>
  showForm: (form: SignedOutForm) => void
}

/** `error`: why the sign-in before ended. */
export function SignInForm({ email, showForm, error }: Props & { error: string | undefined }) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.signInTitle')}
      lead={t('auth.signInLead')}
      error={error}
      fields={[emailField(email), passwordField()]}
      action={t('auth.signIn')}
      submit={(values) => auth.signIn(values.email.trim(), values.password)}
      aside={<p class="form-aside"><TextButton onClick={() => showForm('forgot')}>{t('auth.toForgot')}</TextButton></p>}
      footer={<SignUpOffer onClick={() => showForm('sign-up')} />}
    />
  )
}

/** Says who may create an account, with the button for it. */
function SignUpOffer({ onClick }: { onClick: () => void }) {
  const signUp = useModel().auth.signUpPolicy.value
  if (!signUp) return null
  if (signUp.policy === 'invitation') return <>{t('auth.invitationOnly')}</>
  const question = signUp.policy === 'domain' ? t('auth.signUpDomains', { domains: list(signUp.domains) }) : t('auth.noAccount')
  return <>{question} <TextButton onClick={onClick}>{t('auth.toSignUp')}</TextButton></>
}

export function SignUpForm({ email, showForm }: Props) {
  const { auth } = useModel()
  const signUp = auth.signUpPolicy.value
  return (
    <AuthForm
      title={t('auth.signUpTitle')}
      lead={signUp?.policy === 'domain' ? t('auth.signUpDomains', { domains: list(signUp.domains) }) : t('auth.signUpLead')}
      fields={[emailField(email), newPasswordField(t('auth.password'))]}
      action={t('auth.signUp')}
      submit={(values) => auth.signUp(values.email.trim(), values.password)}
      footer={<>{t('auth.haveAccount')} <TextButton onClick={() => showForm('sign-in')}>{t('auth.toSignIn')}</TextButton></>}
    />
  )
}

export function ForgotForm({ email, showForm }: Props) {
  const { auth } = useModel()
  return (
    <AuthForm
      title={t('auth.forgotTitle')}
      lead={t('auth.forgotLead')}
      fields={[emailField(email)]}
      action={t('auth.sendCode')}
      submit={(values) => auth.forgotPassword(values.email.trim())}
      footer={<TextButton onClick={() => showForm('sign-in')}>{t('auth.backToSignIn')}</TextButton>}
    />
  )
}
