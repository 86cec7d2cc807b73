/** Views that most starts do not need, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'

const views: (() => void)[] = []

/** Load them all while nobody waits, so that they open at once, and without a network. */
export function preloadViews(): void {
  for (const load of views) load()
}

/** `Until` stands in while it loads. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, Fallback?: ComponentType): FunctionComponent<P> {
  const view = signal<ComponentType<P> | null>(null)
  let asked = false
  const ask = () => {
    if (asked) return
    asked = true
    load().then(
      (loaded) => (view.value = loaded),
      () => (asked = false), // offline: the next showing asks again
    )
  }
  views.push(ask)
  return function Lazy(props: P) {
    ask()
    const View = view.value
    return View ? <View {...props} /> : Fallback ? <Fallback /> : null
  }
}
