/** Where an invite's link leads: the group, and a button to join it. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { join } from '../../core/actions'
import type { Preview, PreviewAnswer } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { openConversation } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Empty, SearchArt } from '../primitives/EmptyState'

export function JoinByInvite({ token, onClose }: { token: string; onClose: () => void }) {
  const model = useModel()
  const group = useSignal<Preview | null>(null)
  const problem = useSignal<string | null>(null)
  const busy = useSignal(false)
  useEffect(() => {
    void model
      .ask(({ http }) => http.get<PreviewAnswer>(`/invites/${encodeURIComponent(token)}`))
      .then((found) => {
        if ('answer' in found) group.value = found.answer.conversation
        else problem.value = found.problem.code === 'not_found' ? t('invite.unknown') : found.problem.message
      })
  }, [model, token])
  const accept = async () => {
    busy.value = true
    const joined = await model.ask(join({ token }))
    busy.value = false
    if ('answer' in joined) openConversation(joined.answer)
    else problem.value = joined.problem.message
  }
  const found = group.value
  const mine = model.conversations.value?.find((each) => each.id === found?.conversation_id)
  const title = found?.title ?? t('invite.title')
  return (
    <Dialog title={t('invite.title')} onClose={onClose}>
      <div class="dialog-body">
        {found && (
          <div class="details-head">
            <Avatar id={found.conversation_id} name={title} group size="l" />
            <p class="details-name"><bdi>{title}</bdi></p>
            <p class="details-handle">{t('conversation.members', { count: found.member_count })}</p>
          </div>
        )}
        {found?.description && <p class="details-description" dir="auto">{found.description}</p>}
        {!found && !problem.value && <p class="picker-note" role="status">{t('invite.looking')}</p>}
        {problem.value && found && <p class="form-error" role="alert">{problem.value}</p>}
        {problem.value && !found && (
          <Empty art={<SearchArt />} title={t('invite.problem')}>
            <p class="empty-text" role="alert">{problem.value}</p>
            <Button onClick={onClose}>{t('conversation.back')}</Button>
          </Empty>
        )}
        {mine && <Button kind="primary" wide onClick={() => openConversation(mine.id)}>{t('invite.open')}</Button>}
        {found && !mine && <Button kind="primary" wide busy={busy.value} onClick={() => void accept()}>{t('invite.join')}</Button>}
      </div>
    </Dialog>
  )
}
