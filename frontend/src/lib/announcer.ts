/** One polite voice for screen readers. The view mounts an element with `aria-live="polite"` that shows `announced`. */
import { signal } from '@preact/signals'

export const announced = signal('')

/** Say `text` once the reader is quiet. The same text twice is said twice. */
export function announce(text: string): void {
  announced.value = announced.value === text ? `${text}\u00a0` : text
}
