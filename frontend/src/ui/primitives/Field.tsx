/** An input with label, hint and error, connected for screen readers. */
import { useSignal } from '@preact/signals'
import type { InputHTMLAttributes } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon, type IconName } from './Icon'

export interface FieldProps {
  label: string
  name: string
  value: string
  onValue: (value: string) => void
  type?: 'text' | 'email' | 'password' | 'search'
  hint?: string | undefined
  error?: string | undefined
  autocomplete?: string
  inputmode?: 'text' | 'email' | 'numeric'
  autofocus?: boolean
  placeholder?: string
  prefix?: string
  icon?: IconName
  hideLabel?: boolean
  spellcheck?: boolean
}

export function Field({ label, value, onValue, type = 'text', hint, error, prefix, icon, hideLabel = false, ...input }: FieldProps) {
  const id = useId()
  const ref = useRef<HTMLInputElement>(null)
  const revealed = useSignal(false)
  useLayoutEffect(() => {
    // Browsers apply `autofocus` once per page, so focus the input here.
    if (input.autofocus) ref.current?.focus()
  }, [])
  const described = error ? `${id}-error` : hint ? `${id}-hint` : undefined
  const attributes = {
    ...input,
    id,
    value,
    type: type === 'password' && revealed.value ? 'text' : type,
    'aria-invalid': error ? true : undefined,
    'aria-describedby': described,
    autocapitalize: 'none',
    // The types need a literal `type`.
  } as InputHTMLAttributes<HTMLInputElement>
  return (
    <div class="field">
      <label class={hideLabel ? 'visually-hidden' : 'field-label'} for={id}>{label}</label>
      <div class="field-box">
        {icon && <Icon name={icon} />}
        {prefix && <span class="field-prefix" aria-hidden="true">{prefix}</span>}
        <input {...attributes} ref={ref} onInput={(event) => onValue(event.currentTarget.value)} />
        {type === 'password' && (
          <button
            type="button"
            class="field-reveal"
            aria-pressed={revealed.value}
            aria-label={t('auth.showPassword')}
            title={t(revealed.value ? 'auth.hidePassword' : 'auth.showPassword')}
            onClick={() => (revealed.value = !revealed.value)}
          >
            <Icon name={revealed.value ? 'eyeOff' : 'eye'} />
          </button>
        )}
      </div>
      {error ? (
        <p class="field-error" id={`${id}-error`} role="alert"><Icon name="warning" /><span>{error}</span></p>
      ) : (
        hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>
      )}
    </div>
  )
}
