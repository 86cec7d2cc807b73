/** A button that asks for confirmation, in place, before an action that cannot be undone. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Result } from '../../core/net/errors'
import { Button, TextButton } from './Button'
import { FormError } from './FormError'

interface Props {
  label: string
  /** Needed if `label` alone does not say what the button is for. */
  ariaLabel?: string
  question: string
  cancelLabel: string
  onConfirm: () => Result
  /** Show a text button, for use in a row. */
  small?: boolean
}

export function ConfirmButton({ label, ariaLabel, question, cancelLabel, onConfirm, small = false }: Props) {
  const open = useSignal(false)
  const busy = useSignal(false)
  const error = useSignal<string | null>(null)
  const container = useRef<HTMLDivElement>(null)
  const wasOpen = useRef(false)

  useEffect(() => {
    // The focused element is gone: focus the cancel button, and later the button itself.
    if (open.value || wasOpen.current) container.current?.querySelector('button')?.focus()
    wasOpen.current = open.value
  }, [open.value])

  const confirm = async () => {
    busy.value = true
    error.value = (await onConfirm())?.message ?? null
    busy.value = false
  }

  return (
    <div class={open.value ? 'confirm-open' : 'confirm-closed'} ref={container}>
      {!open.value && small && (
        <TextButton danger label={ariaLabel ?? label} onClick={() => (open.value = true)}>{label}</TextButton>
      )}
      {!open.value && !small && <Button kind="danger" wide onClick={() => (open.value = true)}>{label}</Button>}
      {open.value && (
        <div class="confirm" role="group" aria-label={question}>
          <p>{question}</p>
          <FormError text={error.value} />
          <div class="confirm-buttons">
            <Button onClick={() => (open.value = false)}>{cancelLabel}</Button>
            <Button kind="danger" busy={busy.value} onClick={() => void confirm()}>{label}</Button>
          </div>
        </div>
      )}
    </div>
  )
}
