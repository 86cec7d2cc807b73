/** Buttons. A busy button keeps its size and its focus. */
import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './Icon'

interface Props {
  children: ComponentChildren
  kind?: 'primary' | 'plain' | 'quiet' | 'danger'
  type?: 'button' | 'submit'
  busy?: boolean
  wide?: boolean
  disabled?: boolean
  onClick?: () => void
}

export function Button({ children, kind = 'plain', type = 'button', busy = false, wide = false, ...rest }: Props) {
  return (
    <button
      {...rest}
      type={type}
      class={`button button-${kind}${wide ? ' button-wide' : ''}`}
      aria-busy={busy}
      // Not `disabled`: that would lose the focus.
      aria-disabled={busy}
      onClick={(event) => (busy ? event.preventDefault() : rest.onClick?.())}
    >
      <span class="button-label">{children}</span>
    </button>
  )
}

interface TextButtonProps {
  children: ComponentChildren
  /** Needed if the text alone does not say what the button is for. */
  label?: string
  danger?: boolean
  onClick: () => void
}

/** A button that looks like a link. */
export function TextButton({ children, label, danger = false, onClick }: TextButtonProps) {
  return (
    <button type="button" class={danger ? 'text-button text-danger' : 'text-button'} aria-label={label} onClick={onClick}>{children}</button>
  )
}

interface IconButtonProps {
  icon: IconName
  label: string
  flip?: boolean
  class?: string
  type?: 'button' | 'submit'
  disabled?: boolean
  onClick?: () => void
}

export function IconButton({ icon, label, flip = false, class: extra = '', type = 'button', ...rest }: IconButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      class={`icon-button ${extra}`}
      aria-label={label}
      title={label}
    >
      <Icon name={icon} flip={flip} />
    </button>
  )
}
