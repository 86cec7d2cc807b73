/** What a group is for, and its rules; for its owner and administrators. */
import { useSignal } from '@preact/signals'
import { updateGroup } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import type { ConversationChange } from '../../core/net/protocol'
import { type Key, t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { Button } from '../primitives/Button'
import { Field } from '../primitives/Field'
import { useForm } from '../primitives/useForm'

export function GroupSettings({ conversation }: { conversation: ConversationModel }) {
  const { posting = 'all', history = 'all', public: open = false } = conversation.details.value ?? {}
  const problem = useSignal<string | null>(null)
  const set = async (rules: ConversationChange) => {
    problem.value = (await conversation.act(updateGroup(rules)))?.message ?? null
    if (!problem.value) announce(t('action.saved'))
  }
  return (
    <>
      <About conversation={conversation} />
      <Choice name="posting" values={['all', 'admins']} value={posting} onValue={(value) => void set({ posting: value })} />
      <Choice name="history" values={['all', 'joined']} value={history} onValue={(value) => void set({ history: value })} />
      <Choice name="public" values={['false', 'true']} value={`${open}`} onValue={(value) => void set({ public: value === 'true' })} />
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
    </>
  )
}

interface ChoiceProps<V extends string> {
  name: 'posting' | 'history' | 'public'
  values: readonly V[]
  value: V
  onValue: (value: V) => void
}

function Choice<V extends string>({ name, values, value, onValue }: ChoiceProps<V>) {
  return (
    <fieldset class="setting">
      <legend>{t(`group.${name}`)}</legend>
      <div class="segments">
        {values.map((each) => (
          <label class="segment" key={each}>
            <input type="radio" name={name} checked={value === each} onChange={() => onValue(each)} />
            <span>{t(`group.${name}.${each}` as Key)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function About({ conversation }: { conversation: ConversationModel }) {
  const now = conversation.details.value?.description ?? ''
  const form = useForm({
    initial: { description: now },
    check: () => ({}),
    submit: ({ description }) => conversation.act(updateGroup({ description: description.trim() })),
    done: () => announce(t('action.saved')),
  })
  return (
    <form class="inline-form" noValidate onSubmit={form.onSubmit}>
      <Field {...form.field('description')} label={t('group.about')} autocomplete="off" error={form.errors.description ?? form.errors['']} />
      <Button type="submit" busy={form.busy} disabled={form.values.description.trim() === now}>{t('action.save')}</Button>
    </form>
  )
}
