/** Suggestions for the handle typed after an `@`: chosen with the arrow keys and Enter, or by touch. */
import { displayName } from '../../core/displayName'
import type { User } from '../../core/net/protocol'
import { t } from '../../i18n'
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
          // Not on click: the field would lose the focus first.
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
