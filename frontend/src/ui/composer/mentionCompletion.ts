/** Completes the handle that is being typed: among the members, and where not all of them are known, in the directory too. */
import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import { LIMITS, type User } from '../../core/net/protocol'
import { mentionBeingTyped } from '../../lib/text'
import { displayName, useModel } from '../app/context'

const MOST = 6
const DEBOUNCE_MS = 200

export function useMentionCompletion(conversation: ConversationModel, field: RefObject<HTMLTextAreaElement | null>, setText: (text: string) => void) {
  const started = useSignal<string | null>(null)
  const active = useSignal(0)
  const others = () => conversation.members.value.map((member) => member.user).filter((user) => user.user_id !== conversation.me)
  const found = useDirectory(started.value, conversation.hasMoreMembers.value)
  const users = started.value === null ? [] : candidates([...others(), ...found], started.value)

  const close = () => (started.value = null)
  const pick = (user: User) => {
    const box = field.current
    if (!box || started.value === null) return
    const from = box.selectionStart - started.value.length
    const before = `${box.value.slice(0, from)}${user.handle} `
    setText(before + box.value.slice(box.selectionStart))
    close()
    // Once the field holds the new text.
    requestAnimationFrame(() => box.setSelectionRange(before.length, before.length))
  }

  return {
    users,
    active: active.value,
    close,
    pick,
    look: () => {
      const box = field.current
      started.value = box && mentionBeingTyped(box.value.slice(0, box.selectionStart))
      active.value = 0
    },
    /** Whether the list took the stroke for itself. */
    onKeyDown: (event: KeyboardEvent): boolean => {
      const user = users[active.value]
      if (!user) return false
      if (event.key === 'ArrowDown') active.value = (active.value + 1) % users.length
      else if (event.key === 'ArrowUp') active.value = (active.value + users.length - 1) % users.length
      else if (event.key === 'Escape') close()
      // What is typed in full already is sent by Enter.
      else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey && user.handle !== started.value)) pick(user)
      else return false
      event.preventDefault()
      return true
    },
  }
}

/** Whom the directory has with handles that begin as typed; asked when the typing pauses. */
function useDirectory(started: string | null, wanted: boolean): User[] {
  const model = useModel()
  const found = useSignal<User[]>([])
  const prefix = wanted && started !== null && started.length >= LIMITS.prefix_min ? started : null
  useEffect(() => {
    if (prefix === null) return undefined
    let current = true
    const timer = setTimeout(async () => {
      const answer = await model.findUsers(prefix)
      if (current && 'users' in answer) found.value = answer.users
    }, DEBOUNCE_MS)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [model, prefix])
  return prefix === null ? [] : found.value
}

/** Those with a handle that begins with `started`, then those with a word of their name that does. */
export function candidates(users: readonly User[], started: string): User[] {
  const able = [...new Map(users.map((user) => [user.user_id, user])).values()].filter((user) => user.handle)
  const byHandle = able.filter((user) => user.handle?.startsWith(started))
  const byName = able.filter((user) => displayName(user).toLowerCase().split(/\s+/).some((word) => word.startsWith(started)))
  return [...new Set([...byHandle, ...byName])].slice(0, MOST)
}
