/** Leaves a group and blocks the user who added the user to it, in one step. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { leaveConversation } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import type { EventsResponse, User, UserResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { replaceWithList } from '../app/route'
import { ConfirmButton } from '../primitives/ConfirmButton'

/** `joinedSeq` is the event that added the user. */
export function LeaveAndBlock({ conversation, joinedSeq }: { conversation: ConversationModel; joinedSeq: number }) {
  const model = useModel()
  const adder = useSignal<User | null>(null)
  const { id, me } = conversation
  useEffect(() => {
    void model
      .request(async ({ http }) => {
        const page = await http.get<EventsResponse>(`/conversations/${encodeURIComponent(id)}/events`, { after: joinedSeq - 1, limit: 1 })
        const actor = page.events[0]?.actor_id
        // Without another user who added them, they created the group or joined it by themselves.
        return !actor || actor === me ? null : (await http.get<UserResponse>(`/users/${encodeURIComponent(actor)}`)).user
      })
      .then((result) => (adder.value = 'value' in result ? result.value : null))
  }, [model, id, me, joinedSeq])
  if (!adder.value) return null
  const { user_id } = adder.value
  const name = displayName(adder.value)
  return (
    <ConfirmButton
      label={t('details.leaveAndBlock', { name })}
      question={t('details.leaveAndBlockConfirm', { name })}
      cancelLabel={t('details.stay')}
      onConfirm={async () => {
        const error = await conversation.act(leaveConversation(me, user_id))
        if (!error) replaceWithList()
        return error
      }}
    />
  )
}
