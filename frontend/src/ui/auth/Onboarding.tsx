/** The first thing after signing up: how others will know this person. */
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { ProfileForm } from '../settings/ProfileForm'
import { Card } from './Card'

export function Onboarding() {
  const { auth } = useModel()
  return (
    <Card
      title={t('profile.title')}
      lead={t('profile.lead')}
      footer={<button type="button" class="text-button" onClick={() => void auth.signOut()}>{t('settings.signOut')}</button>}
    >
      <ProfileForm action={t('profile.start')} wide />
    </Card>
  )
}
