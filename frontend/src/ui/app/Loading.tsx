/** What shows while a lazy view loads, and if it cannot be loaded. */
import { t } from '../../i18n'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import type { LoadingProps } from './lazy'

/** For dialogs and menus: a dialog that offers to try again. */
export function LoadingDialog({ failed, retry, onClose }: LoadingProps & { onClose: () => void }) {
  if (!failed) return null
  return (
    <Dialog title={t('load.title')} onClose={onClose}>
      <LoadFailed retry={retry} />
    </Dialog>
  )
}

/** For a part of a view. */
export function LoadingPart({ failed, retry }: LoadingProps) {
  return failed ? <LoadFailed retry={retry} /> : null
}

/** For a view that its parent can do without: it loads once there is a network. */
export const LoadingNothing = (): null => null

function LoadFailed({ retry }: { retry: () => void }) {
  return (
    <div class="load-failed" role="alert">
      <p>{t('load.text')}</p>
      <Button kind="primary" onClick={retry}>{t('action.retry')}</Button>
    </div>
  )
}
