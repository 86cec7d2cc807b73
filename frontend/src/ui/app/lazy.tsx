/** Views that most starts do not need, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): FunctionComponent<P> {
  const view = signal<ComponentType<P> | null>(null)
  let asked = false
  return function Lazy(props: P) {
    if (!asked) {
      asked = true
      load().then(
        (loaded) => (view.value = loaded),
        () => (asked = false), // offline: the next showing asks again
      )
    }
    const View = view.value
    return View && <View {...props} />
  }
}
