/** The members of a group: presence, roles and removal. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { setRole, removeMember } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import type { Member, Role, User } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useMe } from '../app/context'
import { useIsOnline } from '../app/usePresence'
import { usePresence } from '../app/usePresence'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { FormError } from '../primitives/FormError'
import { UserNames } from './UserPicker'

export function Members({ conversation, mayManage, children }: { conversation: ConversationModel; mayManage: boolean; children: ComponentChildren }) {
  const members = conversation.members.value
  const count = conversation.details.value?.member_count ?? members.length
  usePresence(conversation, members.map((member) => member.user_id).filter((id) => id !== conversation.me))
  return (
    <section class="section" aria-labelledby="members">
      <h3 id="members">{t('conversation.members', { count })}</h3>
      <ul class="item-list">
        {members.map((member) => (
          <MemberRow key={member.user_id} member={member} conversation={conversation} mayManage={mayManage} />
        ))}
      </ul>
      {conversation.hasMoreMembers.value && <LoadMore conversation={conversation} first={members.length === 0} />}
      {children}
    </section>
  )
}

/** Above 1,000 members the list loads in pages: the first at once, the others on request. */
function LoadMore({ conversation, first }: { conversation: ConversationModel; first: boolean }) {
  const busy = useSignal(false)
  const error = useSignal<string | null>(null)
  const load = async () => {
    busy.value = true
    error.value = (await conversation.loadMoreMembers())?.message ?? null
    busy.value = false
  }
  useEffect(() => {
    if (first) void load()
  }, [])
  return (
    <>
      <FormError text={error.value} />
      <Button wide busy={busy.value} onClick={() => void load()}>{t('details.moreMembers')}</Button>
    </>
  )
}

function MemberRow({ member, conversation, mayManage }: {
  member: Member & { user: User }
  conversation: ConversationModel
  mayManage: boolean
}) {
  const me = useMe()
  const name = displayName(member.user)
  const isOnline = useIsOnline(() => member.user_id).value
  const ownRole = conversation.members.value.find((each) => each.user_id === me.user_id)?.role
  const isLowerRole = ownRole === 'owner' ? member.role !== 'owner' : member.role === 'member'
  const removable = mayManage && isLowerRole && member.user_id !== me.user_id
  return (
    <li class="item">
      <Avatar id={member.user_id} name={name} online={isOnline} />
      {isOnline && <span class="visually-hidden">{t('presence.online')}</span>}
      <UserNames user={member.user} />
      {ownRole === 'owner' ? (
        <RoleSelect member={member} name={name} conversation={conversation} />
      ) : (
        member.role !== 'member' && <span class="item-role">{t(`role.${member.role}`)}</span>
      )}
      {removable && (
        <ConfirmButton
          small
          label={t('details.remove')}
          ariaLabel={t('details.removeLabel', { name })}
          question={t('details.removeConfirm', { name })}
          cancelLabel={t('action.cancel')}
          onConfirm={() => conversation.act(removeMember(member.user_id))}
        />
      )}
    </li>
  )
}

const ROLES: Role[] = ['owner', 'admin', 'member']

function RoleSelect({ member, name, conversation }: { member: Member; name: string; conversation: ConversationModel }) {
  const error = useSignal<string | null>(null)
  return (
    <>
      <select
        class="role-choice"
        aria-label={t('details.roleOf', { name })}
        value={member.role}
        onChange={async (event) => {
          const select = event.currentTarget
          error.value = (await conversation.act(setRole(member.user_id, select.value as Role)))?.message ?? null
          if (error.value) select.value = member.role
        }}
      >
        {ROLES.map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}
      </select>
      <FormError text={error.value} class="item-error" />
    </>
  )
}
