/** The steps in between: a code that was mailed, a password that must be set. */
import { useSignal } from '@preact/signals'
import type { Outcome } from '../../core/net/errors'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { useModel } from '../app/context'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { type Bound, useForm } from '../primitives/useForm'
import { Card, FormError } from './Card'
import { CHECKS, complaintsOf } from './validation'

function CodeField(bound: Bound) {
  return (
    <Field
      {...bound}
      label={t('auth.code')}
      inputmode="numeric"
      autocomplete="one-time-code"
      spellcheck={false}
      autofocus
    />
  )
}

function NewPasswordField(bound: Bound) {
  return (
    <Field
      {...bound}
      label={t('auth.newPassword')}
      type="password"
      autocomplete="new-password"
      hint={t('auth.passwordHint')}
    />
  )
}

/** Another code, or back. */
function Ways({ resend }: { resend?: () => Outcome }) {
  const { auth } = useModel()
  const note = useSignal<string | null>(null)
  const again = async () => {
    const problem = await resend?.()
    note.value = problem ? problem.message : t('auth.resent')
    announce(note.value)
  }
  return (
    <>
      {note.value && <p class="card-note">{note.value}</p>}
      {resend && <button type="button" class="text-button" onClick={again}>{t('auth.resend')}</button>}
      <button type="button" class="text-button" onClick={() => auth.cancel()}>{t('auth.backToSignIn')}</button>
    </>
  )
}

export function ConfirmForm({ email }: { email: string }) {
  const { auth } = useModel()
  const form = useForm({
    initial: { code: '' },
    check: (values) => complaintsOf(values, { code: CHECKS.code }),
    submit: (values) => auth.confirm(values.code.trim()),
  })
  return (
    <Card title={t('auth.confirmTitle')} lead={t('auth.confirmLead', { email })} footer={<Ways resend={() => auth.resendCode()} />}>
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.complaints['']} />
        <CodeField {...form.field('code')} />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.confirm')}</Button>
      </form>
    </Card>
  )
}

export function ResetForm({ email }: { email: string }) {
  const { auth } = useModel()
  const form = useForm({
    initial: { code: '', password: '' },
    check: (values) => complaintsOf(values, { code: CHECKS.code, password: CHECKS.newPassword }),
    submit: (values) => auth.resetPassword(values.code.trim(), values.password),
  })
  return (
    <Card
      title={t('auth.resetTitle')}
      lead={t('auth.resetLead', { email })}
      footer={<Ways resend={() => auth.forgotPassword(email)} />}
    >
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.complaints['']} />
        <CodeField {...form.field('code')} />
        <NewPasswordField {...form.field('password')} />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.reset')}</Button>
      </form>
    </Card>
  )
}

export function NewPasswordForm({ email }: { email: string }) {
  const { auth } = useModel()
  const form = useForm({
    initial: { password: '' },
    check: (values) => complaintsOf(values, { password: CHECKS.newPassword }),
    submit: (values) => auth.setNewPassword(values.password),
  })
  return (
    <Card title={t('auth.forcedTitle')} lead={t('auth.forcedLead', { email })} footer={<Ways />}>
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.complaints['']} />
        <NewPasswordField {...form.field('password')} />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.reset')}</Button>
      </form>
    </Card>
  )
}
