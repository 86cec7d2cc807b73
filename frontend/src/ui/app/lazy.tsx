/** Lazy views, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'

const views: (() => void)[] = []

/** Load all lazy views in the background, so that they open at once, and offline too. */
export function preloadViews(): void {
  for (const load of views) load()
}

/** `Fallback` shows while the view loads. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, Fallback?: ComponentType): FunctionComponent<P> {
  const view = signal<ComponentType<P> | null>(null)
  let started = false
  const startLoading = () => {
    if (started) return
    started = true
    load().then(
      (loaded) => (view.value = loaded),
      () => (started = false), // offline: retried when shown again
    )
  }
  views.push(startLoading)
  return function Lazy(props: P) {
    startLoading()
    const View = view.value
    return View ? <View {...props} /> : Fallback ? <Fallback /> : null
  }
}
