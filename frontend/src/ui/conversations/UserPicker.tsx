/** Search users by handle and select some: with the keyboard or by touch. */
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { displayName } from '../../core/displayName'
import type { User } from '../../core/net/protocol'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { isComposing } from '../../lib/keyboard'
import { useModel } from '../app/context'
import { Avatar } from '../primitives/Avatar'
import { Icon } from '../primitives/Icon'

const DEBOUNCE_MS = 150

type Search = { state: 'idle' } | { state: 'busy' } | { state: 'found'; users: User[] } | { state: 'failed'; message: string }

interface Props {
  selected: Signal<User[]>
  /** Ids that cannot be selected: the user's own and those of members. */
  exclude: string[]
}

export function UserPicker({ selected, exclude }: Props) {
  const id = useId()
  const query = useSignal('')
  const active = useSignal(0)
  const field = useRef<HTMLInputElement>(null)
  const { search, prefix } = useSearch(query)
  const users = search.state === 'found' ? search.users.filter((user) => !exclude.includes(user.user_id)) : []
  const isSelected = (user: User) => selected.value.some((other) => other.user_id === user.user_id)

  // `autofocus` works only when a dialog opens, not in one that is already open.
  useLayoutEffect(() => field.current?.focus(), [])

  const toggle = (user: User) => {
    if (isSelected(user)) selected.value = selected.value.filter((other) => other.user_id !== user.user_id)
    else {
      selected.value = [...selected.value, user]
      query.value = ''
    }
    field.current?.focus()
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    const current = users[active.value]
    if (event.key === 'ArrowDown') active.value = Math.min(active.value + 1, users.length - 1)
    else if (event.key === 'ArrowUp') active.value = Math.max(active.value - 1, 0)
    else if (event.key === 'Enter' && current) toggle(current)
    else if (event.key === 'Backspace' && query.value === '') selected.value = selected.value.slice(0, -1)
    else return
    if (event.key !== 'Backspace') event.preventDefault()
  }

  return (
    <div class="picker">
      <label class="visually-hidden" for={`${id}-field`}>{t('newConversation.search')}</label>
      <div class="picker-box" onMouseDown={(event) => event.target === event.currentTarget && field.current?.focus()}>
        {selected.value.map((user) => (
          <button
            type="button"
            class="chip"
            key={user.user_id}
            aria-label={t('newConversation.remove', { name: displayName(user) })}
            onClick={() => toggle(user)}
          >
            <bdi>{displayName(user)}</bdi> <Icon name="close" />
          </button>
        ))}
        <input
          ref={field}
          id={`${id}-field`}
          type="text"
          role="combobox"
          name="people"
          autofocus
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          placeholder={selected.value.length === 0 ? t('newConversation.search') : ''}
          aria-expanded={users.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={users[active.value] ? `${id}-${active.value}` : undefined}
          value={query.value}
          onKeyDown={onKeyDown}
          onInput={(event) => {
            query.value = event.currentTarget.value
            active.value = 0
          }}
        />
      </div>
      <p class="visually-hidden" role="status">{search.state === 'found' && t('newConversation.found', { count: users.length })}</p>
      <ul class="item-list" role="listbox" id={`${id}-list`} aria-label={t('newConversation.results')} aria-multiselectable="true" hidden={users.length === 0}>
        {users.map((user, index) => (
          <li
            key={user.user_id}
            id={`${id}-${index}`}
            role="option"
            class={index === active.value ? 'item item-active' : 'item'}
            aria-selected={isSelected(user)}
            onClick={() => toggle(user)}
          >
            <Avatar id={user.user_id} name={displayName(user)} />
            <UserNames user={user} />
            <span class="item-check"><Icon name="check" /></span>
          </li>
        ))}
      </ul>
      {users.length === 0 && <p class="picker-note">{statusText(search, prefix)}</p>}
    </div>
  )
}

export function UserNames({ user }: { user: User }) {
  return (
    <span class="item-text">
      <span class="item-title"><bdi>{displayName(user)}</bdi></span>
      {user.handle && <span class="item-detail"><bdi>{t('user.handle', { handle: user.handle })}</bdi></span>}
    </span>
  )
}

function statusText(search: Search, prefix: string): string {
  if (search.state === 'failed') return search.message
  if (search.state === 'busy') return t('newConversation.searching')
  return search.state === 'found' ? t('newConversation.none', { prefix }) : t('newConversation.hint', { min: LIMITS.prefix_min })
}

/** Search when typing pauses; results for an older text are ignored. */
function useSearch(query: Signal<string>): { search: Search; prefix: string } {
  const model = useModel()
  const search = useSignal<Search>({ state: 'idle' })
  const prefix = query.value.trim().replace(/^@/, '').toLowerCase()
  useSignalEffect(() => {
    const prefix = query.value.trim().replace(/^@/, '').toLowerCase()
    if (prefix.length < LIMITS.prefix_min) {
      search.value = { state: 'idle' }
      return
    }
    let stale = false
    if (search.peek().state !== 'found') search.value = { state: 'busy' }
    const timer = setTimeout(async () => {
      const result = await model.findUsers(prefix)
      if (stale) return
      search.value =
        'users' in result ? { state: 'found', users: result.users } : { state: 'failed', message: result.error.message }
    }, DEBOUNCE_MS)
    return () => {
      stale = true
      clearTimeout(timer)
    }
  })
  return { search: search.value, prefix }
}
