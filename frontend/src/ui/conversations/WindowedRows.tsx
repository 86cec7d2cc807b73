/** The rows of the list: only visible ones exist in the document, and one of them is a Tab stop. */
import { type ReadonlySignal, type Signal, useComputed, useSignal } from '@preact/signals'
import { type ComponentChildren, createContext, type CSSProperties, type Ref } from 'preact'
import { useContext, useEffect, useRef } from 'preact/hooks'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import type { ListedConversation } from '../../core/model'
import { route } from '../app/route'
import { ConversationRow, type RowMenu } from './ConversationRow'
import { indexAfterKey, TypeAhead } from './listNavigation'

/** Must match the style sheet. */
const ROW_PX = 64
/** How long a row may take to become focusable. */
const MAX_FOCUS_FRAMES = 10

const RowCount = createContext(0)

interface Props {
  rows: ReadonlySignal<readonly ListedConversation[]>
  menu: Signal<RowMenu | null>
  /** Shown after the last row. */
  children: ComponentChildren
}

export function WindowedRows({ rows: rowSignal, menu, children }: Props) {
  const rows = rowSignal.value
  const root = useRef<HTMLDivElement>(null)
  const handle = useRef<VirtualizerHandle>(null)
  const typeAhead = useRef(new TypeAhead())
  /** The row that had the focus last. */
  const lastFocused = useSignal<string | null>(null)
  const tabStopId = useComputed(() => {
    const candidates = [lastFocused.value, route.value.conversationId]
    return candidates.find((id) => rowSignal.value.some((row) => row.id === id)) ?? rowSignal.value[0]?.id ?? ''
  })
  const tabStop = rows.findIndex((row) => row.id === tabStopId.value)

  const focusTabStop = (framesLeft = MAX_FOCUS_FRAMES) => {
    const link = root.current?.querySelector<HTMLElement>(`a[data-id="${CSS.escape(tabStopId.peek())}"]`)
    link?.focus()
    // A row that was out of view does not exist yet, and then is hidden until it is measured.
    if (document.activeElement !== link && framesLeft > 0) requestAnimationFrame(() => focusTabStop(framesLeft - 1))
  }
  const focus = (id: string) => {
    lastFocused.value = id
    if (tabStopId.peek() === id) focusTabStop()
  }
  useFocusReturn(focus)

  const onKeyDown = (event: KeyboardEvent) => {
    const { key, altKey, ctrlKey, metaKey } = event
    if (altKey || ctrlKey || metaKey || event.defaultPrevented) return
    const to = typeAhead.current.accepts(key, Date.now())
      ? typeAhead.current.add(key, tabStop, rows.map((row) => row.identity.peek().name), Date.now())
      : indexAfterKey(key, tabStop, rows.length)
    const target = to === null ? undefined : rows[to]
    if (!target || to === null) return
    event.preventDefault()
    handle.current?.scrollToIndex(to, { align: 'nearest' })
    focus(target.id)
  }

  return (
    <div
      ref={root}
      class="list-scroll"
      onKeyDown={onKeyDown}
      onFocusIn={(event) => (lastFocused.value = (event.target as HTMLElement).closest<HTMLElement>('[data-id]')?.dataset.id ?? null)}
    >
      <RowCount.Provider value={rows.length}>
        <Virtualizer ref={handle} as="ul" item={Item} data={rows} itemSize={ROW_PX} keepMounted={tabStop < 0 ? [] : [tabStop]}>
          {(conversation: ListedConversation) => <ConversationRow key={conversation.id} conversation={conversation} tabStopId={tabStopId} menu={menu} />}
        </Virtualizer>
      </RowCount.Provider>
      {children}
    </div>
  )
}

interface ItemProps {
  style: CSSProperties
  index: number
  children: ComponentChildren
  ref?: Ref<HTMLLIElement>
}

/** A row's list item. Screen readers learn its position from it, because the other rows may not exist. */
function Item({ style, index, children, ref }: ItemProps) {
  return <li ref={ref ?? null} class="row-item" style={style} aria-setsize={useContext(RowCount)} aria-posinset={index + 1}>{children}</li>
}

/** Focus the row of a conversation that was closed. */
function useFocusReturn(focus: (id: string) => void): void {
  const now = route.value.conversationId
  const before = useRef(now)
  useEffect(() => {
    if (now === null && before.current !== null) focus(before.current)
    before.current = now
  }, [now])
}
