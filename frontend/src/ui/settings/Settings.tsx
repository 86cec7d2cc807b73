/** What a person may change about themselves and about this device. */
import { useSignal } from '@preact/signals'
import { t } from '../../i18n'
import { enable, permission } from '../../lib/notify'
import { notifications, type Theme, theme } from '../../lib/preferences'
import { useMe, useModel } from '../app/context'
import { openPanel } from '../app/route'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
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
        <PresenceChoice />
        <section class="section" aria-labelledby="settings-password">
          <h3 id="settings-password">{t('settings.password')}</h3>
          <PasswordForm />
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
    <fieldset class="section">
      <legend>{t('settings.theme')}</legend>
      <div class="segments">
        {THEMES.map((choice) => (
          <label class="segment" key={choice}>
            <input type="radio" name="theme" checked={theme.value === choice} onChange={() => (theme.value = choice)} />
            <span>{t(`settings.theme.${choice}`)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function Notifications() {
  const allowed = useSignal(permission())
  const on = notifications.value && allowed.value === 'granted'
  const toggle = async () => {
    if (on) notifications.value = false
    else allowed.value = await enable()
  }
  return (
    <section class="section" aria-labelledby="settings-notifications">
      <h3 id="settings-notifications">{t('settings.notifications')}</h3>
      {allowed.value === 'denied' || allowed.value === 'unsupported' ? (
        <p class="section-text">{t(`settings.notifications.${allowed.value}`)}</p>
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

function PresenceChoice() {
  const model = useModel()
  const shown = useMe().show_presence ?? true
  const problem = useSignal<string | null>(null)
  const toggle = async () => {
    problem.value = (await model.saveProfile({ show_presence: !shown }))?.message ?? null
  }
  return (
    <section class="section" aria-labelledby="settings-presence">
      <h3 id="settings-presence">{t('settings.presence')}</h3>
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
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
      question={t('settings.signOutAsk')}
      no={t('action.cancel')}
      onYes={async () => {
        await auth.signOut()
        return null
      }}
    />
  )
}
