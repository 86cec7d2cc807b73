/** The current day as a signal, so that labels like "Today" update at midnight. */
import { signal } from '@preact/signals'

const CHECK_INTERVAL_MS = 30_000
const midnight = () => new Date().setHours(0, 0, 0, 0)

/** The last local midnight, in epoch milliseconds. */
export const today = signal(midnight())

/** Keep `today` current. Returns the function that stops it. */
export function followClock(): () => void {
  const timer = setInterval(() => (today.value = midnight()), CHECK_INTERVAL_MS)
  return () => clearInterval(timer)
}
