/** The avatar of a user or group: initials on a colour derived from the id. Decorative: the name is always next to it. */
import { initials, tone } from '../../lib/text'
import { Icon } from './Icon'

interface Props {
  id: string
  name: string
  group?: boolean
  size?: 's' | 'm' | 'l'
  /** Shows a dot; the text next to it must say so too. */
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
