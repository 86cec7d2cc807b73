/** State that the views of an open conversation share with each other but not with the core. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
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
  /** The key of the message that had the focus last. */
  focused: Signal<string | null>
  /** The key of the message whose controls are Tab stops; the arrow keys move to others. */
  tabStop: ReadonlySignal<string | null>
}

const states = new WeakMap<ConversationModel, ViewState>()

export function viewStateOf(conversation: ConversationModel): ViewState {
  const known = states.get(conversation)
  if (known) return known
  const focused = signal<string | null>(null)
  const tabStop = computed(() => {
    const items = conversation.timeline.value
    if (items.some(({ key }) => key === focused.value)) return focused.value
    return items.findLast(hasMenu)?.key ?? null
  })
  const state: ViewState = { mode: signal(null), scrollTarget: signal(null), highlighted: signal(null), menu: signal(null), focused, tabStop }
  states.set(conversation, state)
  return state
}

/** Whether the item is a message with a menu. */
export const hasMenu = (item: TimelineItem): item is SentMessage =>
  item.kind === 'message' && item.state === 'sent' && item.message?.deleted_at_ms === undefined
