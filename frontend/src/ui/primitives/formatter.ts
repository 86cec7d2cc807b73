/** Loads the formatter of message bodies when the first body needs it, and says whether to wait for it. */
import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import type { BodyProps } from './SegmentText'

/** The component that shows a formatted body; null while it is not loaded. */
export const formatter = signal<ComponentType<BodyProps> | null>(null)

/** After this time, or without a network, bodies show unformatted until the formatter is loaded. */
const WAIT_MS = 2_000

const gaveUp = signal(false)
let loading = false

/** Load the formatter, unless it is loaded or loading. */
export function loadFormatter(): void {
  if (loading || formatter.peek()) return
  loading = true
  const giveUp = (): void => void (gaveUp.value = true)
  const timer = setTimeout(giveUp, WAIT_MS)
  void import('./FormattedBody')
    .then(({ FormattedBody }) => (formatter.value = FormattedBody), () => {
      giveUp()
      addEventListener('online', loadFormatter, { once: true })
    })
    .finally(() => {
      clearTimeout(timer)
      loading = false
    })
}

/** Whether bodies that need the formatter should not show yet: unformatted, they would change their height. */
export const isFormatterAwaited = (): boolean => formatter.value === null && !gaveUp.value
