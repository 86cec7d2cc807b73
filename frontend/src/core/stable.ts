/** Computed values that change only when their content does, so that nothing that depends on them updates without need. */
import { computed, type ReadonlySignal } from '@preact/signals'

/** Like `computed`, but the value stays the same object while a new one would be equal to it. */
export function stableComputed<T>(compute: () => T): ReadonlySignal<T> {
  let last: T
  return computed(() => {
    const next = compute()
    if (!isEqual(last, next)) last = next
    return last
  })
}

/** Compare plain objects and arrays by content, everything else by identity. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, at) => isEqual(each, b[at]))
  if (!isPlain(a) || !isPlain(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && isEqual(a[key], b[key]))
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
