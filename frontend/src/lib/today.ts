/** The day it is, as a signal: what says "today" is drawn anew at midnight. */
import { signal } from '@preact/signals'

const LOOK_MS = 30_000
const midnight = () => new Date().setHours(0, 0, 0, 0)

/** The local midnight that today began with, in epoch milliseconds. */
export const today = signal(midnight())

/** Keep it true. Returns the function that stops it. */
export function followClock(): () => void {
  const timer = setInterval(() => (today.value = midnight()), LOOK_MS)
  return () => clearInterval(timer)
}
