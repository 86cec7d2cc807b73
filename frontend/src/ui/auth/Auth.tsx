/** Everything before one is in: one calm card whose form depends on where in signing in one stands. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Session } from '../../core/model'
import { t } from '../../i18n'
import { Mark } from '../primitives/Icon'
import { ConfirmForm, NewPasswordForm, ResetForm } from './CodeForms'
import { ForgotForm, SignInForm, SignUpForm } from './CredentialForms'

export type Door = 'sign-in' | 'sign-up' | 'forgot'

export function Auth({ session }: { session: Exclude<Session, { state: 'starting' | 'signed-in' }> }) {
  const door = useSignal<Door>('sign-in')
  const email = useSignal('')
  // Whoever comes back from the steps in between comes back to where one signs in.
  useEffect(() => {
    if (session.state !== 'signed-out') door.value = 'sign-in'
  }, [session.state])
  const credentials = { email, to: (next: Door) => (door.value = next) }
  switch (session.state) {
    case 'confirming':
      return <ConfirmForm email={session.email} />
    case 'new-password':
      return <NewPasswordForm email={session.email} />
    case 'resetting':
      return <ResetForm email={session.email} />
    case 'signed-out':
      if (door.value === 'sign-up') return <SignUpForm {...credentials} />
      return door.value === 'forgot' ? <ForgotForm {...credentials} /> : <SignInForm {...credentials} />
  }
}

/** The card itself. `footer`: the way to the other doors. */
export function Card({ title, lead, children, footer }: {
  title: string
  lead: string
  children: ComponentChildren
  footer?: ComponentChildren
}) {
  return (
    <main class="door">
      <div class="card">
        <p class="brand"><Mark /><span>{t('app.name')}</span></p>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {children}
        {footer && <div class="card-foot">{footer}</div>}
      </div>
    </main>
  )
}

/** What went wrong that no single field is to blame for. */
export function Complaint({ text }: { text: string | undefined }) {
  return text ? <p class="complaint" role="alert">{text}</p> : null
}
