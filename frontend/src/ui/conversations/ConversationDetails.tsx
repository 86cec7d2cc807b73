/** The details of a conversation: its members, settings and invite links. */
import { useSignal } from '@preact/signals'
import { addMembers, leaveConversation, updateGroup } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import type { User } from '../../core/net/protocol'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { charCount } from '../../lib/textLength'
import { useMe, useModel } from '../app/context'
import { replaceWithList } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { useForm } from '../primitives/useForm'
import { additionError } from './additionError'
import { BlockButton } from './BlockButton'
import { GroupSettings } from './GroupSettings'
import { InviteLinks } from './InviteLinks'
import { LeaveAndBlock } from './LeaveAndBlock'
import { Members } from './Members'
import { UserPicker } from './UserPicker'

export function ConversationDetails({ id, onClose }: { id: string; onClose: () => void }) {
  const conversation = useModel().open(id)
  const me = useMe()
  const { kind, name, peer } = conversation.summary.value
  const ownMember = conversation.members.value.find((member) => member.user_id === me.user_id)
  const mayManage = kind === 'group' && (ownMember?.role === 'owner' || ownMember?.role === 'admin')
  return (
    <Dialog title={t('details.title')} onClose={onClose}>
      <div class="dialog-body">
        <div class="details-head">
          <Avatar id={peer?.user_id ?? id} name={name} group={kind === 'group'} size="l" />
          <p class="details-name"><bdi>{name}</bdi></p>
          {peer?.handle && <p class="details-handle">{t('user.handle', { handle: peer.handle })}</p>}
        </div>
        {kind === 'group' && conversation.details.value?.description && <p class="details-description" dir="auto">{conversation.details.value.description}</p>}
        {kind === 'group' && (
          <Members conversation={conversation} mayManage={mayManage}>
            {mayManage && <AddMembers conversation={conversation} />}
          </Members>
        )}
        {mayManage && <InviteLinks conversation={conversation} />}
        {mayManage && (
          <section class="section" aria-labelledby="group-settings">
            <h3 id="group-settings">{t('group.settings')}</h3>
            <RenameForm conversation={conversation} />
            <GroupSettings conversation={conversation} />
          </section>
        )}
        {peer && <BlockButton userId={peer.user_id} name={name} />}
        {kind === 'group' && (
          <section class="section">
            <LeaveButton conversation={conversation} />
            {ownMember && <LeaveAndBlock conversation={conversation} joinedSeq={ownMember.joined_seq} />}
          </section>
        )}
      </div>
    </Dialog>
  )
}

function RenameForm({ conversation }: { conversation: ConversationModel }) {
  const form = useForm({
    initial: { title: conversation.summary.value.name },
    validate: ({ title }): Record<string, string> =>
      charCount(title.trim()) > LIMITS.title_chars ? { title: t('validation.maxCharacters', { max: LIMITS.title_chars }) } : {},
    submit: ({ title }) => conversation.act(updateGroup({ title: title.trim() })),
    onSuccess: () => announce(t('action.saved')),
  })
  const changed = form.values.title.trim() !== '' && form.values.title.trim() !== conversation.summary.value.name
  return (
    <form class="inline-form" noValidate onSubmit={form.onSubmit}>
      <Field
        {...form.field('title')}
        label={t('details.name')}
        autocomplete="off"
        error={form.errors.title ?? form.errors['']}
      />
      <Button type="submit" busy={form.busy} disabled={!changed}>{t('details.rename')}</Button>
    </form>
  )
}

function AddMembers({ conversation }: { conversation: ConversationModel }) {
  const open = useSignal(false)
  const selected = useSignal<User[]>([])
  const form = useForm({
    initial: {},
    validate: () => ({}),
    submit: async () => {
      const error = await conversation.act(addMembers(selected.value.map((user) => user.user_id)))
      return error && additionError(error, selected.value)
    },
    onSuccess: () => {
      selected.value = []
      open.value = false
    },
  })
  if (!open.value) return <Button wide onClick={() => (open.value = true)}>{t('details.add')}</Button>
  return (
    <form class="form" noValidate onSubmit={form.onSubmit}>
      <UserPicker selected={selected} exclude={conversation.members.value.map((member) => member.user_id)} />
      <FormError text={form.errors['']} />
      <Button kind="primary" type="submit" wide busy={form.busy} disabled={selected.value.length === 0}>
        {selected.value.length === 0 ? t('details.add') : t('details.addAction', { count: selected.value.length })}
      </Button>
    </form>
  )
}

function LeaveButton({ conversation }: { conversation: ConversationModel }) {
  return (
    <ConfirmButton
      label={t('details.leave')}
      question={t('details.leaveConfirm')}
      cancelLabel={t('details.stay')}
      onConfirm={async () => {
        const error = await conversation.act(leaveConversation(conversation.me))
        if (!error) replaceWithList()
        return error
      }}
    />
  )
}
