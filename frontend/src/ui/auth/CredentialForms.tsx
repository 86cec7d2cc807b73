/** The forms of a signed-out user: sign in, create an account, forgotten password. */
import type { Signal } from '@preact/signals'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { type FieldBinding, useForm } from '../primitives/useForm'
import { Card, FormError, type SignedOutForm } from './Card'
import { VALIDATORS, validate } from './validation'

interface Props {
  /** Kept when the user changes to another form. */
  email: Signal<string>
  to: (door: SignedOutForm) => void
}

function Elsewhere({ children, onClick }: { children: string; onClick: () => void }) {
  return <button type="button" class="text-button" onClick={onClick}>{children}</button>
}

function EmailField({ email, ...bound }: FieldBinding & { email: Signal<string> }) {
  return (
    <Field
      {...bound}
      label={t('auth.email')}
      type="email"
      inputmode="email"
      autocomplete="username"
      spellcheck={false}
      autofocus
      onValue={(value) => {
        email.value = value
        bound.onValue(value)
      }}
    />
  )
}

export function SignInForm({ email, to }: Props) {
  const { auth } = useModel()
  const form = useForm({
    initial: { email: email.value, password: '' },
    check: (values) => validate(values, { email: VALIDATORS.email, password: VALIDATORS.password }),
    submit: (values) => auth.signIn(values.email.trim(), values.password),
  })
  return (
    <Card
      title={t('auth.signInTitle')}
      lead={t('auth.signInLead')}
      footer={<>{t('auth.noAccount')} <Elsewhere onClick={() => to('sign-up')}>{t('auth.toSignUp')}</Elsewhere></>}
    >
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
        <EmailField {...form.field('email')} email={email} />
        <Field
          {...form.field('password')}
          label={t('auth.password')}
          type="password"
          autocomplete="current-password"
        />
        <p class="form-aside"><Elsewhere onClick={() => to('forgot')}>{t('auth.toForgot')}</Elsewhere></p>
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.signIn')}</Button>
      </form>
    </Card>
  )
}

export function SignUpForm({ email, to }: Props) {
  const { auth } = useModel()
  const form = useForm({
    initial: { email: email.value, password: '' },
    check: (values) => validate(values, { email: VALIDATORS.email, password: VALIDATORS.newPassword }),
    submit: (values) => auth.signUp(values.email.trim(), values.password),
  })
  return (
    <Card
      title={t('auth.signUpTitle')}
      lead={t('auth.signUpLead')}
      footer={<>{t('auth.haveAccount')} <Elsewhere onClick={() => to('sign-in')}>{t('auth.toSignIn')}</Elsewhere></>}
    >
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
        <EmailField {...form.field('email')} email={email} />
        <Field
          {...form.field('password')}
          label={t('auth.password')}
          type="password"
          autocomplete="new-password"
          hint={t('auth.passwordHint')}
        />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.signUp')}</Button>
      </form>
    </Card>
  )
}

export function ForgotForm({ email, to }: Props) {
  const { auth } = useModel()
  const form = useForm({
    initial: { email: email.value },
    check: (values) => validate(values, { email: VALIDATORS.email }),
    submit: (values) => auth.forgotPassword(values.email.trim()),
  })
  return (
    <Card
      title={t('auth.forgotTitle')}
      lead={t('auth.forgotLead')}
      footer={<Elsewhere onClick={() => to('sign-in')}>{t('auth.backToSignIn')}</Elsewhere>}
    >
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors['']} />
        <EmailField {...form.field('email')} email={email} />
        <Button kind="primary" type="submit" wide busy={form.busy}>{t('auth.sendCode')}</Button>
      </form>
    </Card>
  )
}
