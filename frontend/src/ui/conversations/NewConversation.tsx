/** Starts a conversation: direct with one user, or a group with one or more. */
import { useSignal } from '@preact/signals'
import { displayName } from '../../core/displayName'
import type { User } from '../../core/net/protocol'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { charCount } from '../../lib/textLength'
import { useMe, useModel } from '../app/context'
import { openConversation, openPanel } from '../app/route'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { additionError } from './additionError'
import { UserPicker } from './UserPicker'

export function NewConversation({ onClose }: { onClose: () => void }) {
  const model = useModel()
  const me = useMe()
  const selected = useSignal<User[]>([])
  const title = useSignal('')
  const asGroup = useSignal(false)
  const busy = useSignal(false)
  const error = useSignal<string | null>(null)
  const users = selected.value
  const group = users.length > 1 || (users.length === 1 && asGroup.value)
  const maxOthers = LIMITS.members_at_creation - 1 // the creator is one of them
  const tooMany = users.length > maxOthers
  const tooLong = charCount(title.value.trim()) > LIMITS.title_chars
  const first = users[0]

  const start = async () => {
    if (!first || tooMany || tooLong || busy.value) return
    busy.value = true
    const ids = users.map((user) => user.user_id)
    const result = group ? await model.startGroup(title.value.trim(), ids) : await model.startDirect(first.user_id)
    busy.value = false
    if ('id' in result) openConversation(result.id)
    else error.value = additionError(result.error, users).message
  }

  const action = !first
    ? t('newConversation.start')
    : group
      ? t('newConversation.group', { count: users.length })
      : t('newConversation.direct', { name: displayName(first) })
  return (
    <Dialog title={t('newConversation.title')} onClose={onClose}>
      <form
        class="dialog-body"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void start()
        }}
      >
        <UserPicker selected={selected} exclude={[me.user_id]} />
        {group && (
          <Field
            label={t('newConversation.groupTitle')}
            name="title"
            autocomplete="off"
            hint={t('newConversation.groupTitleHint')}
            error={tooLong ? t('validation.maxCharacters', { max: LIMITS.title_chars }) : undefined}
            value={title.value}
            onValue={(value) => (title.value = value)}
          />
        )}
        {users.length === 1 && !group && (
          <Button kind="quiet" onClick={() => (asGroup.value = true)}>{t('newConversation.asGroup')}</Button>
        )}
        {!first && <Button kind="quiet" onClick={() => openPanel('channels')}>{t('channels.find')}</Button>}
        {tooMany && <FormError text={t('newConversation.tooMany', { max: maxOthers })} />}
        <FormError text={error.value} />
        <Button kind="primary" type="submit" wide busy={busy.value} disabled={!first}>{action}</Button>
      </form>
    </Dialog>
  )
}
