/** Members whose handle or name begins as typed after an `@`: chosen with the arrows and Enter, or by touch. */
import type { User } from '../../core/net/protocol'
import { t } from '../../i18n'
import { displayName } from '../app/context'
import { Avatar } from '../primitives/Avatar'

interface Props {
  id: string
  users: User[]
  active: number
  onPick: (user: User) => void
}

export function MentionList({ id, users, active, onPick }: Props) {
  return (
    <ul class="mentions" id={id} role="listbox" aria-label={t('composer.mentions')}>
      {users.map((user, index) => (
        <li
          key={user.user_id}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === active}
          class={index === active ? 'mention-option mention-active' : 'mention-option'}
          // Before the field loses the focus.
          onPointerDown={(event) => {
            event.preventDefault()
            onPick(user)
          }}
        >
          <Avatar id={user.user_id} name={displayName(user)} size="s" />
          <span class="mention-name"><bdi>{displayName(user)}</bdi></span>
          <bdi class="mention-handle">{t('user.handle', { handle: user.handle ?? '' })}</bdi>
        </li>
      ))}
    </ul>
  )
}
