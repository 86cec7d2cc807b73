/** Notes above the list: a new version is available, and the browser stores nothing. */
import { t } from '../../i18n'
import { TextButton } from '../primitives/Button'
import { Icon } from '../primitives/Icon'
import { useModel } from './context'

export function Notes() {
  const { updateAvailable, isKept } = useModel()
  return (
    <>
      {updateAvailable.value && (
        <div class="connection" role="status">
          <Icon name="down" />
          <span>{t('update.available')}</span>
          <TextButton onClick={() => location.reload()}>{t('update.reload')}</TextButton>
        </div>
      )}
      {!isKept.value && (
        <p class="connection" role="status">
          <Icon name="warning" />
          <span>{t('storage.refused')}</span>
        </p>
      )}
    </>
  )
}
