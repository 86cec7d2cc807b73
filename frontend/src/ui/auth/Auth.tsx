/** Signed-out screens: picks the form for the current sign-in step. */
import '../../i18n/signIn'
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Session } from '../../core/model'
import { AppCodeForm, ConfirmForm, NewPasswordForm, ResetForm } from './CodeForms'
import { ForgotForm, type SignedOutForm, SignInForm, SignUpForm } from './CredentialForms'

export function Auth({ session }: { session: Exclude<Session, { state: 'starting' | 'signed-in' }> }) {
  const form = useSignal<SignedOutForm>('sign-in')
  const email = useSignal('')
  // A user who cancels a later step returns to the sign-in form.
  useEffect(() => {
    if (session.state !== 'signed-out') form.value = 'sign-in'
  }, [session.state])
  const props = { email, showForm: (next: SignedOutForm) => (form.value = next) }
  switch (session.state) {
    case 'confirming':
      return <ConfirmForm email={session.email} />
    case 'new-password':
      return <NewPasswordForm email={session.email} />
    case 'code':
      return <AppCodeForm email={session.email} />
    case 'resetting':
      return <ResetForm email={session.email} />
    case 'signed-out':
      if (form.value === 'sign-up') return <SignUpForm {...props} />
      return form.value === 'forgot' ? <ForgotForm {...props} /> : <SignInForm {...props} error={session.error?.message} />
  }
}
