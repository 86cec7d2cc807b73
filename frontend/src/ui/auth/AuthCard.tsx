/** The card around every form before the application itself: sign-in and the first profile. */
import type { ComponentChildren } from 'preact'
import { t } from '../../i18n'
import { Logo } from '../primitives/Icon'

/** `footer`: links to the other forms. */
export function AuthCard({ title, lead, children, footer }: {
  title: string
  lead: string
  children: ComponentChildren
  footer?: ComponentChildren
}) {
  return (
    <main class="auth-page">
      <div class="auth-card">
        <p class="brand"><Logo /><span>{t('app.name')}</span></p>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {children}
        {footer && <div class="auth-card-footer">{footer}</div>}
      </div>
    </main>
  )
}
