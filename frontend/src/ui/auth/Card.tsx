/** What the signed-out forms share: the card and the form's error. */
import type { ComponentChildren } from 'preact'
import { t } from '../../i18n'
import { Mark } from '../primitives/Icon'

export type SignedOutForm = 'sign-in' | 'sign-up' | 'forgot'

/** The frame of every signed-out form. `footer` holds the links to the other forms. */
export function Card({ title, lead, children, footer }: {
  title: string
  lead: string
  children: ComponentChildren
  footer?: ComponentChildren
}) {
  return (
    <main class="auth-page">
      <div class="auth-card">
        <p class="brand"><Mark /><span>{t('app.name')}</span></p>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {children}
        {footer && <div class="auth-card-footer">{footer}</div>}
      </div>
    </main>
  )
}

/** An error that belongs to no single field. */
export function FormError({ text }: { text: string | undefined }) {
  return text ? <p class="form-error" role="alert">{text}</p> : null
}
