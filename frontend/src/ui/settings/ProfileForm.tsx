/** The form for name and handle, in onboarding and settings. The handle is validated while typing. */
import { useSignal } from '@preact/signals'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { useMe, useModel } from '../app/context'
import { VALIDATORS, validate } from '../auth/validation'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { useForm } from '../primitives/useForm'

export function ProfileForm({ action, wide = false }: { action: string; wide?: boolean }) {
  const model = useModel()
  const me = useMe()
  const saved = useSignal(false)
  const form = useForm({
    initial: { display_name: me.display_name ?? '', handle: me.handle ?? '' },
    validate: (values) => validate(values, { display_name: VALIDATORS.display_name, handle: VALIDATORS.handle }),
    submit: (values) => model.saveProfile({ display_name: values.display_name.trim(), handle: values.handle }),
    onSuccess: () => {
      saved.value = true
      announce(t('action.saved'))
    },
    onChange: () => (saved.value = false),
  })
  const { handle, display_name } = form.values
  // A handle may be too short while typing; an invalid character shows at once.
  const validateNow = handle.length >= LIMITS.handle_min || !new RegExp(`${LIMITS.handle_pattern}|^$`).test(handle)
  const liveError = validateNow ? (VALIDATORS.handle(handle) ?? undefined) : undefined
  return (
    <form class="form" noValidate onSubmit={form.onSubmit}>
      <FormError text={form.errors['']} />
      <div class="profile-name">
        <Avatar id={me.user_id} name={display_name || handle} size="l" />
        <Field
          {...form.field('display_name')}
          label={t('profile.name')}
          autocomplete="name"
          autofocus={wide}
        />
      </div>
      <Field
        {...form.field('handle')}
        label={t('profile.handle')}
        prefix="@"
        autocomplete="off"
        spellcheck={false}
        hint={t('profile.handleHint', { min: LIMITS.handle_min, max: LIMITS.handle_max })}
        error={form.errors.handle ?? liveError}
        onValue={(value) => form.set('handle', value.toLowerCase())}
      />
      <Button kind="primary" type="submit" wide={wide} busy={form.busy}>{saved.value ? t('action.saved') : action}</Button>
    </form>
  )
}
