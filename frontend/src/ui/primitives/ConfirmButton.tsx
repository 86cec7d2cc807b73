/** A button that asks, in place, before it does what cannot be taken back. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Result } from '../../core/net/errors'
import { Button } from './Button'

interface Props {
  label: string
  /** Where `label` alone does not say what it is about. */
  ariaLabel?: string
  question: string
  /** The way out. */
  no: string
  onYes: () => Result
  /** As words in a row, not as a button of its own. */
  small?: boolean
}

export function ConfirmButton({ label, ariaLabel, question, no, onYes, small = false }: Props) {
  const asking = useSignal(false)
  const busy = useSignal(false)
  const problem = useSignal<string | null>(null)
  const place = useRef<HTMLDivElement>(null)
  const asked = useRef(false)

  useEffect(() => {
    // What had the focus is gone: it goes on with the way out, and then back to the button.
    if (asking.value || asked.current) place.current?.querySelector('button')?.focus()
    asked.current = asking.value
  }, [asking.value])

  const agree = async () => {
    busy.value = true
    problem.value = (await onYes())?.message ?? null
    busy.value = false
  }

  return (
    <div class={asking.value ? 'confirm-open' : 'confirm-closed'} ref={place}>
      {!asking.value && small && (
        <button type="button" class="text-button text-danger" aria-label={ariaLabel ?? label} onClick={() => (asking.value = true)}>{label}</button>
      )}
      {!asking.value && !small && <Button kind="danger" wide onClick={() => (asking.value = true)}>{label}</Button>}
      {asking.value && (
        <div class="confirm" role="group" aria-label={question}>
          <p>{question}</p>
          {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
          <div class="confirm-buttons">
            <Button onClick={() => (asking.value = false)}>{no}</Button>
            <Button kind="danger" busy={busy.value} onClick={() => void agree()}>{label}</Button>
          </div>
        </div>
      )}
    </div>
  )
}
