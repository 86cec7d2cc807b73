/** Changes the user's password. */
import { useSignal } from '@preact/signals'
import { PASSWORD_MIN } from '../../core/validation'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { VALIDATORS, validate } from '../auth/validation'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { useForm } from '../primitives/useForm'

export function PasswordForm() {
  const { auth } = useModel()
  const changed = useSignal(false)
  const empty = { current: '', password: '' }
  const form = useForm({
    initial: empty,
    validate: (values) => validate(values, { current: VALIDATORS.password, password: VALIDATORS.newPassword }),
    submit: (values) => auth.changePassword(values.current, values.password),
    onSuccess: () => {
      form.reset(empty)
      changed.value = true
    },
    onChange: () => (changed.value = false),
  })
  return (
    <form class="form" noValidate onSubmit={form.onSubmit}>
      <FormError text={form.errors['']} />
      <Field
        {...form.field('current')}
        label={t('settings.password.current')}
        type="password"
        autocomplete="current-password"
      />
      <Field
        {...form.field('password')}
        label={t('auth.newPassword')}
        type="password"
        autocomplete="new-password"
        hint={t('validation.minCharacters', { min: PASSWORD_MIN })}
      />
      <p class="section-text" role="status">{changed.value && t('settings.password.changed')}</p>
      <Button type="submit" busy={form.busy}>{t('settings.password.change')}</Button>
    </form>
  )
}
