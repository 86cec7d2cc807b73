/** State that the views of an open conversation share with each other but not with the core. */
import { type Signal, signal } from '@preact/signals'
import type { ConversationModel, TimelineItem } from '../../core/model'
import type { AnchorRect } from '../primitives/Menu'

export type SentMessage = Extract<TimelineItem, { kind: 'message'; state: 'sent' }>

/** What the composer writes if not a new message. */
export interface ComposerMode {
  kind: 'reply' | 'edit'
  item: SentMessage
}

interface ViewState {
  mode: Signal<ComposerMode | null>
  /** The seq of the message to scroll to. */
  scrollTarget: Signal<number | null>
  /** The seq of the message scrolled to last. */
  highlighted: Signal<number | null>
  menu: Signal<{ item: SentMessage; anchorRect: AnchorRect } | null>
}

const states = new WeakMap<ConversationModel, ViewState>()

export function viewStateOf(conversation: ConversationModel): ViewState {
  const state = states.get(conversation) ?? { mode: signal(null), scrollTarget: signal(null), highlighted: signal(null), menu: signal(null) }
  states.set(conversation, state)
  return state
}
