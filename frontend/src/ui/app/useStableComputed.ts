/** A hook for a computed value that changes only when its content does. */
import type { ReadonlySignal } from '@preact/signals'
import { useMemo, useRef } from 'preact/hooks'
import { stableComputed } from '../../core/stable'

/** Like `useComputed`, but the value stays the same object while a new one would be equal to it. */
export function useStableComputed<T>(compute: () => T): ReadonlySignal<T> {
  const latest = useRef(compute)
  latest.current = compute
  return useMemo(() => stableComputed(() => latest.current()), [])
}
