/** The profile form after the first sign-in. */
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { TextButton } from '../primitives/Button'
import { ProfileForm } from '../settings/ProfileForm'
import { AuthCard } from './AuthCard'

export function Onboarding() {
  const { auth } = useModel()
  return (
    <AuthCard
      title={t('profile.title')}
      lead={t('profile.lead')}
      footer={<TextButton onClick={() => void auth.signOut()}>{t('settings.signOut')}</TextButton>}
    >
      <ProfileForm action={t('profile.start')} wide />
    </AuthCard>
  )
}
