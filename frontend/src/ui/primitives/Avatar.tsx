/** A picture for a person or a group: initials on a tone that their id decides. Decorative: the name stands beside it. */
import { initials, tone } from '../../lib/text'
import { Icon } from './Icon'

interface Props {
  id: string
  name: string
  group?: boolean
  size?: 's' | 'm' | 'l'
  /** Draws a dot; say it in words beside it as well. */
  online?: boolean
}

export function Avatar({ id, name, group = false, size = 'm', online = false }: Props) {
  const letters = initials(name)
  return (
    <span class={`avatar avatar-${size}${group ? ' avatar-group' : ''}`} data-tone={tone(id)} aria-hidden="true">
      {letters || <Icon name={group ? 'people' : 'person'} />}
      {online && <i class="avatar-dot" />}
    </span>
  )
}
