/** What a form needs to remember: its values, whether it is busy, and what was wrong with which field. */
import { useSignal } from '@preact/signals'
import type { Result, UserError } from '../../core/net/errors'

/** Complaints by field name; under '' what belongs to no field. */
export type FieldErrors = Record<string, string>

/** What ties a `Field` to one value of a form. */
export interface FieldBinding {
  name: string
  value: string
  error: string | undefined
  onValue: (value: string) => void
}

interface Options<V extends Record<string, string>> {
  initial: V
  /** Checked before anything is sent. */
  check: (values: V) => FieldErrors
  submit: (values: V) => Result
  done?: () => void
  /** Called when the person changes something. */
  edited?: () => void
}

export function useForm<V extends Record<string, string>>({ initial, check, submit, done, edited }: Options<V>) {
  const values = useSignal(initial)
  const errors = useSignal<FieldErrors>({})
  const busy = useSignal(false)

  const show = (problem: UserError) => {
    const field = problem.field !== undefined && problem.field in values.value ? problem.field : ''
    errors.value = { [field]: problem.message }
  }

  const set = (name: keyof V & string, value: string) => {
    values.value = { ...values.value, [name]: value }
    const { [name]: _, '': __, ...others } = errors.value
    errors.value = others
    edited?.()
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
      errors.value = check(values.value)
      if (Object.keys(errors.value).length === 0) {
        busy.value = true
        const problem = await submit(values.value)
        busy.value = false
        if (problem) show(problem)
        else done?.()
      }
      const first = Object.keys(errors.value)[0]
      if (first) form.querySelector<HTMLInputElement>(`input[name="${first}"]`)?.focus()
    },
  }
}
