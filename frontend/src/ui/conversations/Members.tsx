/** Who is in a group, who of them is there, and what each may do. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { setRole, removeMember } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import type { Member, Role, User } from '../../core/net/protocol'
import { t } from '../../i18n'
import { displayName, useMe, useModel } from '../app/context'
import { usePresence } from '../app/usePresence'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
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
      {conversation.hasMoreMembers.value && <More conversation={conversation} first={members.length === 0} />}
      {children}
    </section>
  )
}

/** Above 1,000 the members come in pages: the first at once, the others when they are asked for. */
function More({ conversation, first }: { conversation: ConversationModel; first: boolean }) {
  const busy = useSignal(false)
  const problem = useSignal<string | null>(null)
  const read = async () => {
    busy.value = true
    problem.value = (await conversation.loadMoreMembers())?.message ?? null
    busy.value = false
  }
  useEffect(() => {
    if (first) void read()
  }, [])
  return (
    <>
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
      <Button wide busy={busy.value} onClick={() => void read()}>{t('details.moreMembers')}</Button>
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
  const there = useModel().presence.value.get(member.user_id)?.online ?? false
  const mine = conversation.members.value.find((each) => each.user_id === me.user_id)?.role
  const below = mine === 'owner' ? member.role !== 'owner' : member.role === 'member'
  const removable = mayManage && below && member.user_id !== me.user_id
  return (
    <li class="item">
      <Avatar id={member.user_id} name={name} online={there} />
      {there && <span class="visually-hidden">{t('presence.online')}</span>}
      <UserNames user={member.user} />
      {mine === 'owner' ? (
        <RoleChoice member={member} name={name} conversation={conversation} />
      ) : (
        member.role !== 'member' && <span class="item-role">{t(`role.${member.role}`)}</span>
      )}
      {removable && (
        <ConfirmButton
          small
          label={t('details.remove')}
          ariaLabel={t('details.removeLabel', { name })}
          question={t('details.removeAsk', { name })}
          no={t('action.cancel')}
          onYes={() => conversation.act(removeMember(member.user_id))}
        />
      )}
    </li>
  )
}

const ROLES: Role[] = ['owner', 'admin', 'member']

function RoleChoice({ member, name, conversation }: { member: Member; name: string; conversation: ConversationModel }) {
  const problem = useSignal<string | null>(null)
  return (
    <>
      <select
        class="role-choice"
        aria-label={t('details.roleOf', { name })}
        value={member.role}
        onChange={async (event) => {
          const select = event.currentTarget
          problem.value = (await conversation.act(setRole(member.user_id, select.value as Role)))?.message ?? null
          if (problem.value) select.value = member.role
        }}
      >
        {ROLES.map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}
      </select>
      {problem.value && <p class="form-error item-error" role="alert">{problem.value}</p>}
    </>
  )
}
