/** Lazy views, loaded when first shown. */
import { signal } from '@preact/signals'
import type { ComponentType, FunctionComponent } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

const views: (() => Promise<void>)[] = []

/** Load all lazy views in the background, so that they open at once, and offline too. One after another: together they would block the page. */
export async function preloadViews(): Promise<void> {
  // Offline at the start: loaded as soon as there is a network.
  addEventListener('online', preloadAgain, { once: true })
  for (const load of views) await load()
}

const preloadAgain = (): void => void preloadViews()

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
  let loading: Promise<void> | null = null
  const startLoading = async (): Promise<void> => {
    if (view.peek()) return
    loading ??= loadView().finally(() => (loading = null))
    await loading
  }
  const loadView = async (): Promise<void> => {
    failed.value = false
    const slow = setTimeout(() => (failed.value = true), SLOW_MS)
    try {
      view.value = await load()
    } catch {
      failed.value = true
    } finally {
      clearTimeout(slow)
    }
  }
  views.push(startLoading)
  return function Lazy(props: P) {
    useLayoutEffect(() => void startLoading(), [])
    const View = view.value
    if (View) return <View {...props} />
    return <Loading {...props} failed={failed.value} retry={() => void startLoading()} />
  }
}
