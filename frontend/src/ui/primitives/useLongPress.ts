/** Opens a menu on a long press. */
import { useRef } from 'preact/hooks'
import type { AnchorRect } from './Menu'

const LONG_PRESS_MS = 420

/** Return event handlers that call `open` on a long press by touch; a moving finger scrolls instead. */
export function useLongPress(open: ((anchorRect: AnchorRect) => void) | undefined) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const stop = () => clearTimeout(timer.current)
  if (!open) return {}
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.pointerType !== 'touch') return
      const anchorRect = (event.currentTarget as HTMLElement).getBoundingClientRect()
      stop()
      timer.current = setTimeout(() => {
        open(anchorRect)
        ignoreNextClick()
      }, LONG_PRESS_MS)
    },
    onPointerMove: (event: PointerEvent) => Math.hypot(event.movementX, event.movementY) > 3 && stop(),
    onPointerUp: stop,
    onPointerCancel: stop,
    onContextMenu: (event: MouseEvent) => (event as PointerEvent).pointerType === 'touch' && event.preventDefault(),
  }
}

/** Ignore the click when the finger lifts: it would hit the menu that has just opened. */
function ignoreNextClick(): void {
  const swallow = (event: MouseEvent) => {
    event.preventDefault()
    event.stopPropagation()
  }
  addEventListener('click', swallow, { capture: true, once: true })
  addEventListener('pointerdown', () => removeEventListener('click', swallow, { capture: true }), { capture: true, once: true })
}
