/** Keyboard shortcuts of the application, and moving the focus through a list. */

export type Shortcut = 'next' | 'previous' | 'search' | 'new' | 'help' | 'escape'

type Keystroke = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing'>

/** Return the shortcut of a keystroke, or null. `inTextInput`: the focus is in a field, where letters are text. */
export function shortcutFor(keystroke: Keystroke, inTextInput: boolean): Shortcut | null {
  if (keystroke.isComposing) return null
  const command = keystroke.ctrlKey || keystroke.metaKey
  if (keystroke.altKey && !command) {
    if (keystroke.key === 'ArrowDown') return 'next'
    if (keystroke.key === 'ArrowUp') return 'previous'
    return keystroke.key === 'n' ? 'new' : null
  }
  if (command) return keystroke.key === 'k' ? 'search' : null
  if (keystroke.key === 'Escape') return 'escape'
  if (inTextInput) return null
  return keystroke.key === '?' ? 'help' : keystroke.key === '/' ? 'search' : null
}

export function isTextInput(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}

/** Whether the key belongs to an input method's composition. Safari reports that only by the key code. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/** Move the focus among the elements `selector` finds inside `root`, by arrow keys, Home and End, from `from`. */
export function moveFocus(event: KeyboardEvent, root: HTMLElement, selector: string, from = document.activeElement): void {
  const items = [...root.querySelectorAll<HTMLElement>(selector)]
  const here = items.indexOf(from as HTMLElement)
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key]
  const target = to === undefined || event.altKey ? undefined : items[to]
  if (!target) return
  event.preventDefault()
  target.focus()
}
