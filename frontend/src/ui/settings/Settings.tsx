/** The settings panel: profile, appearance, notifications, online status, groups, password, two-step sign-in. */
import { useSignal } from '@preact/signals'
import { t } from '../../i18n'
import { enable, permission } from '../../lib/notify'
import { notifications, type Theme, theme } from '../../lib/preferences'
import { useMe, useModel } from '../app/context'
import { openPanel } from '../app/route'
import { Button } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Dialog } from '../primitives/Dialog'
import { FormError } from '../primitives/FormError'
import { SegmentedControl } from '../primitives/SegmentedControl'
import { GroupAdditions } from './GroupAdditions'
import { PasswordForm } from './PasswordForm'
import { ProfileForm } from './ProfileForm'

export function Settings({ onClose }: { onClose: () => void }) {
  const { isAdmin } = useModel()
  return (
    <Dialog title={t('settings.title')} onClose={onClose}>
      <div class="dialog-body">
        <section class="section" aria-labelledby="settings-profile">
          <h3 id="settings-profile">{t('settings.profile')}</h3>
          <ProfileForm action={t('action.save')} />
        </section>
        <Appearance />
        <Notifications />
        <PresenceSetting />
        <GroupAdditions />
        <section class="section" aria-labelledby="settings-password">
          <h3 id="settings-password">{t('settings.password')}</h3>
          <PasswordForm />
        </section>
        <section class="section" aria-labelledby="settings-two-step">
          <h3 id="settings-two-step">{t('twoStep.title')}</h3>
          <p class="section-text">{t('twoStep.offText')}</p>
          <Button wide onClick={() => openPanel('two-step')}>{t('settings.twoStep')}</Button>
        </section>
        <section class="section section-last">
          {isAdmin.value && <Button wide onClick={() => openPanel('administration')}>{t('admin.title')}</Button>}
          <Button wide onClick={() => openPanel('shortcuts')}>{t('settings.shortcuts')}</Button>
          <SignOut />
        </section>
      </div>
    </Dialog>
  )
}

const THEMES: Theme[] = ['system', 'light', 'dark']

function Appearance() {
  return (
    <SegmentedControl
      class="section"
      name="theme"
      legend={t('settings.theme')}
      values={THEMES}
      value={theme.value}
      label={(each) => t(`settings.theme.${each}`)}
      onValue={(value) => (theme.value = value)}
    />
  )
}

function Notifications() {
  const permissionState = useSignal(permission())
  const on = notifications.value && permissionState.value === 'granted'
  const toggle = async () => {
    if (on) notifications.value = false
    else permissionState.value = await enable()
  }
  return (
    <section class="section" aria-labelledby="settings-notifications">
      <h3 id="settings-notifications">{t('settings.notifications')}</h3>
      {permissionState.value === 'denied' || permissionState.value === 'unsupported' ? (
        <p class="section-text">{t(`settings.notifications.${permissionState.value}`)}</p>
      ) : (
        <div class="section-row">
          <p class="section-text">{t('settings.notifications.text')}</p>
          <Button onClick={() => void toggle()}>
            {t(on ? 'settings.notifications.disable' : 'settings.notifications.enable')}
          </Button>
        </div>
      )}
    </section>
  )
}

function PresenceSetting() {
  const model = useModel()
  const shown = useMe().show_presence ?? true
  const error = useSignal<string | null>(null)
  const toggle = async () => {
    error.value = (await model.saveProfile({ show_presence: !shown }))?.message ?? null
  }
  return (
    <section class="section" aria-labelledby="settings-presence">
      <h3 id="settings-presence">{t('settings.presence')}</h3>
      <FormError text={error.value} />
      <div class="section-row">
        <p class="section-text">{t(shown ? 'settings.presence.shown' : 'settings.presence.hidden')}</p>
        <Button onClick={() => void toggle()}>{t(shown ? 'settings.presence.hide' : 'settings.presence.show')}</Button>
      </div>
    </section>
  )
}

function SignOut() {
  const { auth } = useModel()
  return (
    <ConfirmButton
      label={t('settings.signOut')}
      question={t('settings.signOutConfirm')}
      cancelLabel={t('action.cancel')}
      onConfirm={async () => {
        await auth.signOut()
        return null
      }}
    />
  )
}
