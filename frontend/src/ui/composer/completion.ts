/** Completes the handle that is being typed, among the members. */
import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import type { ConversationModel } from '../../core/model'
import type { User } from '../../core/protocol'
import { startedMention } from '../../lib/text'
import { nameOf } from '../app/context'

const MOST = 6

export function useCompletion(conversation: ConversationModel, field: RefObject<HTMLTextAreaElement | null>, setText: (text: string) => void) {
  const started = useSignal<string | null>(null)
  const active = useSignal(0)
  const others = () => conversation.members.value.map((member) => member.user).filter((user) => user.user_id !== conversation.me)
  const users = started.value === null ? [] : candidates(others(), started.value)

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
      started.value = box && startedMention(box.value.slice(0, box.selectionStart))
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

/** Those with a handle that begins with `started`, then those with a word of their name that does. */
export function candidates(users: readonly User[], started: string): User[] {
  const able = users.filter((user) => user.handle)
  const byHandle = able.filter((user) => user.handle?.startsWith(started))
  const byName = able.filter((user) => nameOf(user).toLowerCase().split(/\s+/).some((word) => word.startsWith(started)))
  return [...new Set([...byHandle, ...byName])].slice(0, MOST)
}
