/** A menu next to an element; on a narrow screen, at the bottom edge. The native dialog element traps the focus. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { moveFocus } from '../../lib/keyboard'
import { Icon, type IconName } from './Icon'

/** The element beside which a menu opens, in window pixels. */
export type AnchorRect = Pick<DOMRect, 'left' | 'right' | 'top' | 'bottom'>

const GAP_PX = 6

interface Props {
  label: string
  anchorRect: AnchorRect
  onClose: () => void
  children: ComponentChildren
}

export function Menu({ label, anchorRect, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const menu = ref.current
    menu?.showModal()
    menu?.querySelector<HTMLElement>('button')?.focus({ focusVisible: false } as FocusOptions)
    if (!menu) return
    place(menu, anchorRect)
    // The content may change its size while the menu is open.
    const sizes = new ResizeObserver(() => place(menu, anchorRect))
    sizes.observe(menu)
    return () => {
      sizes.disconnect()
      menu.close()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class="menu"
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      // Not on click: after a long press the finger lifts over the menu.
      onPointerDown={(event) => event.target === ref.current && onClose()}
      onKeyDown={(event) => ref.current && moveFocus(event, ref.current, '.menu-item')}
    >
      <div class="menu-frame">{children}</div>
    </dialog>
  )
}

/** Position the menu below or above `anchorRect`, whichever has room, inside the window. */
function place(menu: HTMLElement, anchorRect: AnchorRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu
  const below = anchorRect.bottom + GAP_PX + height <= innerHeight - GAP_PX
  const top = below ? anchorRect.bottom + GAP_PX : anchorRect.top - GAP_PX - height
  const left = (anchorRect.left + anchorRect.right) / 2 < innerWidth / 2 ? anchorRect.left : anchorRect.right - width
  menu.style.setProperty('--menu-top', `${Math.max(GAP_PX, Math.min(top, innerHeight - height - GAP_PX))}px`)
  menu.style.setProperty('--menu-left', `${Math.max(GAP_PX, Math.min(left, innerWidth - width - GAP_PX))}px`)
}

interface ItemProps {
  icon: IconName
  label: string
  danger?: boolean
  onClick: () => void
}

export function MenuItem({ icon, label, danger = false, onClick }: ItemProps) {
  return (
    <button type="button" class={danger ? 'menu-item menu-danger' : 'menu-item'} onClick={onClick}>
      <Icon name={icon} />
      <span>{label}</span>
    </button>
  )
}
