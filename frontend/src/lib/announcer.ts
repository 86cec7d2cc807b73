/** Announcements for screen readers. The root view renders `announced` in an element with `aria-live="polite"`. */
import { signal } from '@preact/signals'

export const announced = signal('')

/** Announce `text`. The same text twice is announced twice. */
export function announce(text: string): void {
  announced.value = announced.value === text ? `${text}\u00a0` : text
}
