/** Lazy views, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'

const views: (() => Promise<void>)[] = []

/** Load all lazy views in the background, so that they open at once, and offline too. One after another: together they would block the page. */
export async function preloadViews(): Promise<void> {
  for (const load of views) await load()
}

/** `Fallback` shows while the view loads. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, Fallback?: ComponentType): FunctionComponent<P> {
  const view = signal<ComponentType<P> | null>(null)
  let loading: Promise<void> | null = null
  const startLoading = () =>
    (loading ??= load().then(
      (loaded) => void (view.value = loaded),
      () => void (loading = null), // offline: retried when shown again
    ))
  views.push(startLoading)
  return function Lazy(props: P) {
    void startLoading()
    const View = view.value
    return View ? <View {...props} /> : Fallback ? <Fallback /> : null
  }
}
