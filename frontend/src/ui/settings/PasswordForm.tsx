/** Change the password of who is signed in. */
import { useSignal } from '@preact/signals'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { Complaint } from '../auth/Auth'
import { CHECKS, complaintsOf } from '../auth/check'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { useForm } from '../primitives/form'

export function PasswordForm() {
  const { auth } = useModel()
  const changed = useSignal(false)
  const empty = { current: '', password: '' }
  const form = useForm({
    initial: empty,
    check: (values) => complaintsOf(values, { current: CHECKS.password, password: CHECKS.newPassword }),
    submit: (values) => auth.changePassword(values.current, values.password),
    done: () => {
      form.reset(empty)
      changed.value = true
    },
  })
  const set = (name: 'current' | 'password', value: string) => {
    changed.value = false
    form.set(name, value)
  }
  return (
    <form class="form" noValidate onSubmit={form.onSubmit}>
      <Complaint text={form.complaints['']} />
      <Field
        label={t('settings.password.current')}
        name="current"
        type="password"
        autocomplete="current-password"
        value={form.values.current}
        error={form.complaints.current}
        onValue={(value) => set('current', value)}
      />
      <Field
        label={t('auth.newPassword')}
        name="password"
        type="password"
        autocomplete="new-password"
        hint={t('auth.passwordHint')}
        value={form.values.password}
        error={form.complaints.password}
        onValue={(value) => set('password', value)}
      />
      <p class="section-text" role="status">{changed.value && t('settings.password.changed')}</p>
      <Button type="submit" busy={form.busy}>{t('settings.password.change')}</Button>
    </form>
  )
}
