/** A menu: beside what it was opened from, and from the lower edge on a narrow screen. The browser's own dialog holds the focus. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { moveFocus } from '../../lib/keyboard'
import type { AnchorRect } from '../conversations/viewState'
import { Icon, type IconName } from './Icon'

const GAP_PX = 6

interface Props {
  label: string
  box: AnchorRect
  onClose: () => void
  children: ComponentChildren
}

export function Menu({ label, box, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const menu = ref.current
    menu?.showModal()
    menu?.querySelector<HTMLElement>('button')?.focus({ focusVisible: false } as FocusOptions)
    if (!menu) return
    place(menu, box)
    // What it shows may change and grow while it is open.
    const sizes = new ResizeObserver(() => place(menu, box))
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
      // Not on click: the finger that opened it by a long press is lifted over it.
      onPointerDown={(event) => event.target === ref.current && onClose()}
      onKeyDown={(event) => ref.current && moveFocus(event, ref.current, '.menu-item')}
    >
      <div class="menu-frame">{children}</div>
    </dialog>
  )
}

/** Below the box or above it, whichever has room, and inside the window. */
function place(menu: HTMLElement, box: AnchorRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu
  const below = box.bottom + GAP_PX + height <= innerHeight - GAP_PX
  const top = below ? box.bottom + GAP_PX : box.top - GAP_PX - height
  const left = (box.left + box.right) / 2 < innerWidth / 2 ? box.left : box.right - width
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
