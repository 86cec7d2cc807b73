/** Lazy views, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

const views: (() => void)[] = []

/** Load all lazy views in the background, so that they open at once, and offline too. */
export function preloadViews(): void {
  for (const load of views) load()
}

export interface LoadingProps {
  /** Whether the view could not be loaded, or takes long. */
  failed: boolean
  retry: () => void
}

/** A view that takes longer than this counts as failed until it is loaded. */
const SLOW_MS = 5_000

/** `Loading` shows while the view loads, with the view's props: it says when that fails. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, Loading: ComponentType<P & LoadingProps>): FunctionComponent<P> {
  const view = signal<ComponentType<P> | null>(null)
  const failed = signal(false)
  let loading = false
  const startLoading = (): void => {
    if (loading || view.peek()) return
    loading = true
    failed.value = false
    const slow = setTimeout(() => (failed.value = true), SLOW_MS)
    const fail = (): void => void (failed.value = true)
    void load()
      .then((loaded) => (view.value = loaded), fail)
      .finally(() => {
        clearTimeout(slow)
        loading = false
      })
  }
  const preload = (): void => {
    // Offline at the start: loaded as soon as there is a network.
    addEventListener('online', startLoading, { once: true })
    startLoading()
  }
  views.push(preload)
  return function Lazy(props: P) {
    useLayoutEffect(startLoading, [])
    const View = view.value
    if (View) return <View {...props} />
    return <Loading {...props} failed={failed.value} retry={startLoading} />
  }
}
