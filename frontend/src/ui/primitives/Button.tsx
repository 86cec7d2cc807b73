/** Buttons, with a busy state that keeps their place and their focus. */
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
      // Busy is not `disabled`: that would throw the focus away.
      aria-disabled={busy}
      onClick={(event) => (busy ? event.preventDefault() : rest.onClick?.())}
    >
      <span class="button-label">{children}</span>
    </button>
  )
}

interface IconProps {
  icon: IconName
  label: string
  flip?: boolean
  class?: string
  type?: 'button' | 'submit'
  disabled?: boolean
  onClick?: () => void
}

export function IconButton({ icon, label, flip = false, class: extra = '', type = 'button', ...rest }: IconProps) {
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
