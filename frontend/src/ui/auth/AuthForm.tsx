/** The form of every sign-in step: a card with fields, one action, and links to other steps. */
import type { ComponentChildren } from 'preact'
import type { Result } from '../../core/net/errors'
import type { Validator } from '../../core/validation'
import { Button } from '../primitives/Button'
import { Field, type FieldProps } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { useForm } from '../primitives/useForm'
import { AuthCard } from './AuthCard'
import { validate } from './validation'

export interface AuthField<N extends string> extends Omit<FieldProps, 'value' | 'onValue' | 'error'> {
  name: N
  validator: Validator
  initial?: string
  onChange?: (value: string) => void
}

interface Props<N extends string> {
  title: string
  lead: string
  /** An error to show before the first submission. */
  error?: string | undefined
  fields: readonly AuthField<N>[]
  /** The label of the submit button. */
  action: string
  submit: (values: Record<N, string>) => Result
  /** Shown between the fields and the submit button. */
  aside?: ComponentChildren
  footer: ComponentChildren
}

export function AuthForm<N extends string>({ title, lead, error, fields, action, submit, aside, footer }: Props<N>) {
  const byName = <T,>(pick: (field: AuthField<N>) => T) =>
    Object.fromEntries(fields.map((field) => [field.name, pick(field)])) as Record<N, T>
  const form = useForm<Record<N, string>>({
    initial: byName((field) => field.initial ?? ''),
    validate: (values) => validate(values, byName((field) => field.validator)),
    submit,
  })
  return (
    <AuthCard title={title} lead={lead} footer={footer}>
      <form class="form" noValidate onSubmit={form.onSubmit}>
        <FormError text={form.errors[''] ?? error} />
        {fields.map(({ validator: _, initial: __, onChange, ...field }) => {
          const binding = form.field(field.name)
          return (
            <Field
              key={field.name}
              {...field}
              {...binding}
              onValue={(value) => {
                onChange?.(value)
                binding.onValue(value)
              }}
            />
          )
        })}
        {aside}
        <Button kind="primary" type="submit" wide busy={form.busy}>{action}</Button>
      </form>
    </AuthCard>
  )
}
