/** The page of an invite link: the group, and a button to join it. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { joinConversation } from '../../core/actions'
import type { Preview, PreviewResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { openConversation } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { EmptyState, SearchArt } from '../primitives/EmptyState'
import { FormError } from '../primitives/FormError'

export function JoinByInvite({ token, onClose }: { token: string; onClose: () => void }) {
  const model = useModel()
  const group = useSignal<Preview | null>(null)
  const error = useSignal<string | null>(null)
  const busy = useSignal(false)
  useEffect(() => {
    void model
      .request(({ http }) => http.get<PreviewResponse>(`/invites/${encodeURIComponent(token)}`))
      .then((result) => {
        if ('value' in result) group.value = result.value.conversation
        else error.value = result.error.code === 'not_found' ? t('joinInvite.notFound') : result.error.message
      })
  }, [model, token])
  const accept = async () => {
    busy.value = true
    const joined = await model.request(joinConversation({ token }))
    busy.value = false
    if ('value' in joined) openConversation(joined.value)
    else error.value = joined.error.message
  }
  const preview = group.value
  const member = model.conversations.value?.find((each) => each.id === preview?.conversation_id)
  const title = preview?.title ?? t('joinInvite.title')
  return (
    <Dialog title={t('joinInvite.title')} onClose={onClose}>
      <div class="dialog-body">
        {preview && (
          <div class="details-head">
            <Avatar id={preview.conversation_id} name={title} group size="l" />
            <p class="details-name"><bdi>{title}</bdi></p>
            <p class="details-handle">{t('conversation.members', { count: preview.member_count })}</p>
          </div>
        )}
        {preview?.description && <p class="details-description" dir="auto">{preview.description}</p>}
        {!preview && !error.value && <p class="picker-note" role="status">{t('joinInvite.checking')}</p>}
        {error.value && preview && <FormError text={error.value} />}
        {error.value && !preview && (
          <EmptyState art={<SearchArt />} title={t('joinInvite.error')}>
            <p class="empty-text" role="alert">{error.value}</p>
            <Button onClick={onClose}>{t('conversation.back')}</Button>
          </EmptyState>
        )}
        {member && <Button kind="primary" wide onClick={() => openConversation(member.id)}>{t('joinInvite.openConversation')}</Button>}
        {preview && !member && <Button kind="primary" wide busy={busy.value} onClick={() => void accept()}>{t('action.join')}</Button>}
      </div>
    </Dialog>
  )
}
