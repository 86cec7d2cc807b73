/** Keys: what a stroke means anywhere in the application, and moving the focus through a list. */

export type Shortcut = 'next' | 'previous' | 'search' | 'new' | 'help' | 'escape'

type Stroke = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing'>

/** The meaning of a key stroke, or null. `writing`: the focus is in a field, where letters are letters. */
export function shortcutFor(stroke: Stroke, writing: boolean): Shortcut | null {
  if (stroke.isComposing) return null
  const command = stroke.ctrlKey || stroke.metaKey
  if (stroke.altKey && !command) {
    if (stroke.key === 'ArrowDown') return 'next'
    if (stroke.key === 'ArrowUp') return 'previous'
    return stroke.key === 'n' ? 'new' : null
  }
  if (command) return stroke.key === 'k' ? 'search' : null
  if (stroke.key === 'Escape') return 'escape'
  if (writing) return null
  return stroke.key === '?' ? 'help' : stroke.key === '/' ? 'search' : null
}

export function isTextInput(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}

/** Whether this Enter only accepts what an input method proposes. Safari says so by the old code alone. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/** Move the focus among the elements `selector` finds inside `root`, by arrow keys, Home and End. */
export function moveFocus(event: KeyboardEvent, root: HTMLElement, selector: string): void {
  const items = [...root.querySelectorAll<HTMLElement>(selector)]
  const here = items.indexOf(document.activeElement as HTMLElement)
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key]
  const target = to === undefined || event.altKey ? undefined : items[to]
  if (!target) return
  event.preventDefault()
  target.focus()
}
