/** The description and rules of a group, for its owner and administrators. */
import { useSignal } from '@preact/signals'
import { updateGroup } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import type { ConversationChange } from '../../core/net/protocol'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { SegmentedControl } from '../primitives/SegmentedControl'
import { useForm } from '../primitives/useForm'

export function GroupSettings({ conversation }: { conversation: ConversationModel }) {
  const { posting = 'all', history = 'all', public: open = false } = conversation.details.value ?? {}
  const error = useSignal<string | null>(null)
  const save = async (change: ConversationChange) => {
    error.value = (await conversation.act(updateGroup(change)))?.message ?? null
    if (!error.value) announce(t('action.saved'))
  }
  return (
    <>
      <DescriptionForm conversation={conversation} />
      <SegmentedControl
        class="setting"
        name="posting"
        legend={t('group.posting')}
        values={['all', 'admins']}
        value={posting}
        label={(each) => t(`group.posting.${each}`)}
        onValue={(value) => void save({ posting: value })}
      />
      <SegmentedControl
        class="setting"
        name="history"
        legend={t('group.history')}
        values={['all', 'joined']}
        value={history}
        label={(each) => t(`group.history.${each}`)}
        onValue={(value) => void save({ history: value })}
      />
      <SegmentedControl
        class="setting"
        name="public"
        legend={t('group.public')}
        values={['false', 'true']}
        value={`${open}`}
        label={(each) => t(`group.public.${each}`)}
        onValue={(value) => void save({ public: value === 'true' })}
      />
      <FormError text={error.value} />
    </>
  )
}

function DescriptionForm({ conversation }: { conversation: ConversationModel }) {
  const current = conversation.details.value?.description ?? ''
  const form = useForm({
    initial: { description: current },
    validate: () => ({}),
    submit: ({ description }) => conversation.act(updateGroup({ description: description.trim() })),
    onSuccess: () => announce(t('action.saved')),
  })
  return (
    <form class="inline-form" noValidate onSubmit={form.onSubmit}>
      <Field {...form.field('description')} label={t('group.description')} autocomplete="off" error={form.errors.description ?? form.errors['']} />
      <Button type="submit" busy={form.busy} disabled={form.values.description.trim() === current}>{t('action.save')}</Button>
    </form>
  )
}
