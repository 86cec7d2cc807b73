/** Start a conversation: one person makes it direct, or a group if asked for; several make it a group with a name. */
import { useSignal } from '@preact/signals'
import type { User } from '../../core/net/protocol'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { charCount } from '../../lib/text'
import { displayName, useMe, useModel } from '../app/context'
import { openConversation, openPanel } from '../app/route'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { UserPicker } from './UserPicker'

export function NewConversation({ onClose }: { onClose: () => void }) {
  const model = useModel()
  const me = useMe()
  const chosen = useSignal<User[]>([])
  const title = useSignal('')
  const asGroup = useSignal(false)
  const busy = useSignal(false)
  const problem = useSignal<string | null>(null)
  const people = chosen.value
  const group = people.length > 1 || (people.length === 1 && asGroup.value)
  const most = LIMITS.members_at_creation - 1 // the maker is one of them
  const tooMany = people.length > most
  const tooLong = charCount(title.value.trim()) > LIMITS.title_chars
  const first = people[0]

  const start = async () => {
    if (!first || tooMany || tooLong || busy.value) return
    busy.value = true
    const ids = people.map((user) => user.user_id)
    const answer = group ? await model.startGroup(title.value.trim(), ids) : await model.startDirect(first.user_id)
    busy.value = false
    if ('id' in answer) openConversation(answer.id)
    else problem.value = answer.problem.message
  }

  const action = !first
    ? t('new.start')
    : group
      ? t('new.group', { count: people.length })
      : t('new.direct', { name: displayName(first) })
  return (
    <Dialog title={t('new.title')} onClose={onClose}>
      <form
        class="dialog-body"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void start()
        }}
      >
        <UserPicker chosen={chosen} without={[me.user_id]} />
        {group && (
          <Field
            label={t('new.groupTitle')}
            name="title"
            autocomplete="off"
            hint={t('new.groupTitleHint')}
            error={tooLong ? t('details.longTitle', { max: LIMITS.title_chars }) : undefined}
            value={title.value}
            onValue={(value) => (title.value = value)}
          />
        )}
        {people.length === 1 && !group && (
          <Button kind="quiet" onClick={() => (asGroup.value = true)}>{t('new.asGroup')}</Button>
        )}
        {!first && <Button kind="quiet" onClick={() => openPanel('channels')}>{t('channels.find')}</Button>}
        {tooMany && <p class="form-error" role="alert">{t('new.tooMany', { max: most })}</p>}
        {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
        <Button kind="primary" type="submit" wide busy={busy.value} disabled={!first}>{action}</Button>
      </form>
    </Dialog>
  )
}
