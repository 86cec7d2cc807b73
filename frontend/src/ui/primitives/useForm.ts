/** The state of a form: values, busy, and errors by field. */
import { useSignal } from '@preact/signals'
import type { Result, UserError } from '../../core/net/errors'

/** Errors by field name; the key '' is for an error of no single field. */
export type FieldErrors = Record<string, string>

/** Connects a `Field` to a value of the form. */
export interface FieldBinding {
  name: string
  value: string
  error: string | undefined
  onValue: (value: string) => void
}

interface Options<V extends Record<string, string>> {
  initial: V
  /** Validates before submitting. */
  validate: (values: V) => FieldErrors
  submit: (values: V) => Result
  onSuccess?: () => void
  /** Called on each change. */
  onChange?: () => void
}

export function useForm<V extends Record<string, string>>({ initial, validate, submit, onSuccess, onChange }: Options<V>) {
  const values = useSignal(initial)
  const errors = useSignal<FieldErrors>({})
  const busy = useSignal(false)

  const show = (error: UserError) => {
    const field = error.field !== undefined && error.field in values.value ? error.field : ''
    errors.value = { [field]: error.message }
  }

  const set = (name: keyof V & string, value: string) => {
    values.value = { ...values.value, [name]: value }
    const { [name]: _, '': __, ...others } = errors.value
    errors.value = others
    onChange?.()
  }

  return {
    values: values.value,
    errors: errors.value,
    busy: busy.value,
    reset: (next: V) => (values.value = next),
    setErrors: (next: FieldErrors) => (errors.value = next),
    set,
    field: (name: keyof V & string): FieldBinding => ({
      name,
      value: values.value[name] ?? '',
      error: errors.value[name],
      onValue: (value) => set(name, value),
    }),
    onSubmit: async (event: SubmitEvent) => {
      event.preventDefault()
      if (busy.value) return
      const form = event.currentTarget as HTMLFormElement
      errors.value = validate(values.value)
      if (Object.keys(errors.value).length === 0) {
        busy.value = true
        const error = await submit(values.value)
        busy.value = false
        if (error) show(error)
        else onSuccess?.()
      }
      const firstInvalid = Object.keys(errors.value)[0]
      if (firstInvalid) form.querySelector<HTMLInputElement>(`input[name="${firstInvalid}"]`)?.focus()
    },
  }
}
