/** A finger that rests opens a menu, as a right click does elsewhere. */
import { useRef } from 'preact/hooks'
import type { AnchorRect } from '../conversations/viewState'

const LONG_PRESS_MS = 420

/** A finger that rests on it opens the menu; one that moves scrolls. */
export function useLongPress(open: ((box: AnchorRect) => void) | undefined) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const stop = () => clearTimeout(timer.current)
  if (!open) return {}
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.pointerType !== 'touch') return
      const box = (event.currentTarget as HTMLElement).getBoundingClientRect()
      stop()
      timer.current = setTimeout(() => {
        open(box)
        ignoreNextClick()
      }, LONG_PRESS_MS)
    },
    onPointerMove: (event: PointerEvent) => Math.hypot(event.movementX, event.movementY) > 3 && stop(),
    onPointerUp: stop,
    onPointerCancel: stop,
    onContextMenu: (event: MouseEvent) => (event as PointerEvent).pointerType === 'touch' && event.preventDefault(),
  }
}

/** The lifted finger clicks what is below it by then: the menu, where nobody chose anything yet. */
function ignoreNextClick(): void {
  const swallow = (event: MouseEvent) => {
    event.preventDefault()
    event.stopPropagation()
  }
  addEventListener('click', swallow, { capture: true, once: true })
  addEventListener('pointerdown', () => removeEventListener('click', swallow, { capture: true }), { capture: true, once: true })
}
