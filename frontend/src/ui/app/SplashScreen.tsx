/** The screen while the application starts: skeletons of the layout, or a button if it cannot be loaded. */
import { t } from '../../i18n'
import { Button } from '../primitives/Button'
import { BubbleSkeletons, RowSkeletons } from '../primitives/Skeletons'
import type { LoadingProps } from './lazy'

export function SplashScreen({ failed = false, retry }: Partial<LoadingProps>) {
  if (failed) {
    return (
      <main class="load-screen">
        <h1>{t('load.appTitle')}</h1>
        <p role="alert">{t('load.text')}</p>
        <Button kind="primary" onClick={() => retry?.()}>{t('action.retry')}</Button>
      </main>
    )
  }
  return (
    <main class="shell" aria-busy="true">
      <div class="pane-list">
        <header class="list-head"><h1>{t('app.name')}</h1></header>
        <RowSkeletons count={8} label={t('app.starting')} />
      </div>
      <div class="pane-main">
        <BubbleSkeletons label={t('app.starting')} />
      </div>
    </main>
  )
}
