/** The setting who may add the user to groups. */
import { useSignal } from '@preact/signals'
import { t } from '../../i18n'
import { useMe, useModel } from '../app/context'
import { Button } from '../primitives/Button'
import { FormError } from '../primitives/FormError'

export function GroupAdditions() {
  const model = useModel()
  const who = useMe().group_additions ?? 'everyone'
  const error = useSignal<string | null>(null)
  const toggle = async () => {
    error.value = (await model.saveProfile({ group_additions: who === 'everyone' ? 'known' : 'everyone' }))?.message ?? null
  }
  return (
    <section class="section" aria-labelledby="settings-groups">
      <h3 id="settings-groups">{t('settings.groups')}</h3>
      <FormError text={error.value} />
      <div class="section-row">
        <p class="section-text">{t(`settings.groups.${who}`)}</p>
        <Button onClick={() => void toggle()}>{t(who === 'everyone' ? 'settings.groups.onlyKnown' : 'settings.groups.allowEveryone')}</Button>
      </div>
    </section>
  )
}
