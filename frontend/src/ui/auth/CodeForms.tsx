/** The steps in between: a code that was mailed, a password that must be set. */
import { useSignal } from '@preact/signals'
import type { Result } from '../../core/net/errors'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { useModel } from '../app/context'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { type FieldBinding, useForm } from '../primitives/useForm'
import { Card, FormError } from './Card'
import { VALIDATORS, validate } from './validation'

function CodeField(bound: FieldBinding) {
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

function NewPasswordField(bound: FieldBinding) {
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
function SignInFlows({ resend }: { resend?: () => Result }) {
  const { auth } = useModel()
  const note = useSignal<string | null>(null)
  const again = async () => {
    const problem = await resend?.()
    note.value = problem ? problem.message : t('auth.resent')
    announce(note.value)
  }
  return (
    <>
      {note.value && <p class="auth-card-note">{note.value}</p>}
      {resend && <button type="button" class="text-button" onClick={again}>{t('auth.resend')}</button>}
      <button type="button" class="text-button" onClick={() => auth.cancel()}>{t('auth.backToSignIn')}</button>
    </>
  )
}

export function ConfirmForm({ email }: { email: string }) {
  const { auth } = useModel()
  const form = useForm({
    initial: { code: '' },
    check: (values) => validate(values, { code: VALIDATORS.code }),
    submit: (values) => auth.confirm(values.code.trim()),
  })
  return (
    <Card title={t('auth.confirmTitle')} lead={t('auth.confirmLead', { email })} footer={<SignInFlows resend={() => auth.resendCode()} />}>
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
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
    check: (values) => validate(values, { code: VALIDATORS.code, password: VALIDATORS.newPassword }),
    submit: (values) => auth.resetPassword(values.code.trim(), values.password),
  })
  return (
    <Card
      title={t('auth.resetTitle')}
      lead={t('auth.resetLead', { email })}
      footer={<SignInFlows resend={() => auth.forgotPassword(email)} />}
    >
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
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
    check: (values) => validate(values, { password: VALIDATORS.newPassword }),
    submit: (values) => auth.setNewPassword(values.password),
  })
  return (
    <Card title={t('auth.forcedTitle')} lead={t('auth.forcedLead', { email })} footer={<SignInFlows />}>
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
        <NewPasswordField {...form.field('password')} />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.reset')}</Button>
      </form>
    </Card>
  )
}
