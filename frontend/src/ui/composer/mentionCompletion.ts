/** Suggests handles for the mention being typed: from the members, and from the directory if not all members are loaded. */
import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import { LIMITS, type User } from '../../core/net/protocol'
import { mentionBeingTyped } from '../../lib/text'
import { useModel } from '../app/context'

const MAX_SUGGESTIONS = 6
const DEBOUNCE_MS = 200

export function useMentionCompletion(conversation: ConversationModel, field: RefObject<HTMLTextAreaElement | null>, setText: (text: string) => void) {
  const typed = useSignal<string | null>(null)
  const active = useSignal(0)
  const otherMembers = () => conversation.members.value.map((member) => member.user).filter((user) => user.user_id !== conversation.me)
  const found = useDirectory(typed.value, conversation.hasMoreMembers.value)
  const users = typed.value === null ? [] : suggest([...otherMembers(), ...found], typed.value)

  const close = () => (typed.value = null)
  const pick = (user: User) => {
    const input = field.current
    if (!input || typed.value === null) return
    const from = input.selectionStart - typed.value.length
    const before = `${input.value.slice(0, from)}${user.handle} `
    setText(before + input.value.slice(input.selectionStart))
    close()
    // After the field has the new text.
    requestAnimationFrame(() => input.setSelectionRange(before.length, before.length))
  }

  return {
    users,
    active: active.value,
    close,
    pick,
    update: () => {
      const input = field.current
      typed.value = input && mentionBeingTyped(input.value.slice(0, input.selectionStart))
      active.value = 0
    },
    /** Handle a key; returns whether the list used it. */
    onKeyDown: (event: KeyboardEvent): boolean => {
      const user = users[active.value]
      if (!user) return false
      if (event.key === 'ArrowDown') active.value = (active.value + 1) % users.length
      else if (event.key === 'ArrowUp') active.value = (active.value + users.length - 1) % users.length
      else if (event.key === 'Escape') close()
      // Enter sends the message if the handle is already complete.
      else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey && user.handle !== typed.value)) pick(user)
      else return false
      event.preventDefault()
      return true
    },
  }
}

/** Search the directory for handles that start with `typed`, when typing pauses. */
function useDirectory(typed: string | null, enabled: boolean): User[] {
  const model = useModel()
  const found = useSignal<User[]>([])
  const prefix = enabled && typed !== null && typed.length >= LIMITS.prefix_min ? typed : null
  useEffect(() => {
    if (prefix === null) return undefined
    let current = true
    const timer = setTimeout(async () => {
      const result = await model.findUsers(prefix)
      if (current && 'users' in result) found.value = result.users
    }, DEBOUNCE_MS)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [model, prefix])
  return prefix === null ? [] : found.value
}

/** Return the users whose handle starts with `typed`, then those with such a word in their name. */
export function suggest(users: readonly User[], typed: string): User[] {
  const withHandle = [...new Map(users.map((user) => [user.user_id, user])).values()].filter((user) => user.handle)
  const byHandle = withHandle.filter((user) => user.handle?.startsWith(typed))
  const byName = withHandle.filter((user) => displayName(user).toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)))
  return [...new Set([...byHandle, ...byName])].slice(0, MAX_SUGGESTIONS)
}
