/** What a form needs to remember: its values, whether it is busy, and what was wrong with which field. */
import { useSignal } from '@preact/signals'
import type { Outcome, Problem } from '../../core/net/errors'

/** Complaints by field name; under '' what belongs to no field. */
export type Complaints = Record<string, string>

/** What ties a `Field` to one value of a form. */
export interface Bound {
  name: string
  value: string
  error: string | undefined
  onValue: (value: string) => void
}

interface Options<V extends Record<string, string>> {
  initial: V
  /** Checked before anything is sent. */
  check: (values: V) => Complaints
  submit: (values: V) => Outcome
  done?: () => void
  /** Called when the person changes something. */
  edited?: () => void
}

export function useForm<V extends Record<string, string>>({ initial, check, submit, done, edited }: Options<V>) {
  const values = useSignal(initial)
  const complaints = useSignal<Complaints>({})
  const busy = useSignal(false)

  const show = (problem: Problem) => {
    const field = problem.field !== undefined && problem.field in values.value ? problem.field : ''
    complaints.value = { [field]: problem.message }
  }

  const set = (name: keyof V & string, value: string) => {
    values.value = { ...values.value, [name]: value }
    const { [name]: _, '': __, ...others } = complaints.value
    complaints.value = others
    edited?.()
  }

  return {
    values: values.value,
    complaints: complaints.value,
    busy: busy.value,
    reset: (next: V) => (values.value = next),
    complain: (next: Complaints) => (complaints.value = next),
    set,
    field: (name: keyof V & string): Bound => ({
      name,
      value: values.value[name] ?? '',
      error: complaints.value[name],
      onValue: (value) => set(name, value),
    }),
    onSubmit: async (event: SubmitEvent) => {
      event.preventDefault()
      if (busy.value) return
      const form = event.currentTarget as HTMLFormElement
      complaints.value = check(values.value)
      if (Object.keys(complaints.value).length === 0) {
        busy.value = true
        const problem = await submit(values.value)
        busy.value = false
        if (problem) show(problem)
        else done?.()
      }
      const first = Object.keys(complaints.value)[0]
      if (first) form.querySelector<HTMLInputElement>(`input[name="${first}"]`)?.focus()
    },
  }
}
