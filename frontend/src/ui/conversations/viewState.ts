/** What an open conversation's views share with each other, and the core need not know. Lasts as long as the conversation is open. */
import { type Signal, signal } from '@preact/signals'
import type { ConversationModel, TimelineItem } from '../../core/model'

export type SentMessage = Extract<TimelineItem, { kind: 'message'; state: 'sent' }>

/** What the composer writes instead of a plain message. */
export interface Mode {
  kind: 'reply' | 'edit'
  item: SentMessage
}

/** Where a menu opens: beside this box, in the window's pixels. */
export type AnchorRect = Pick<DOMRect, 'left' | 'right' | 'top' | 'bottom'>

interface State {
  mode: Signal<Mode | null>
  /** The message to be brought on screen, by seq. */
  jump: Signal<number | null>
  /** The message that was jumped to last. */
  found: Signal<number | null>
  menu: Signal<{ item: SentMessage; box: AnchorRect } | null>
}

const states = new WeakMap<ConversationModel, State>()

export function viewStateOf(conversation: ConversationModel): State {
  const state = states.get(conversation) ?? { mode: signal(null), jump: signal(null), found: signal(null), menu: signal(null) }
  states.set(conversation, state)
  return state
}
