/** The screen while the application starts: skeletons of the layout. */
import { t } from '../../i18n'
import { BubbleSkeletons, RowSkeletons } from '../primitives/Skeletons'

export function SplashScreen() {
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
