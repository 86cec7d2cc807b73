/**
 * The timeline: a virtualized list of messages.
 *
 * If the user is at the end, new messages scroll into view; elsewhere visible messages do not move. Each message is
 * marked read once.
 */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import type { ConversationModel } from '../../core/model'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { moveFocus } from '../../lib/keyboard'
import { hasMarkup } from '../../lib/visibleText'
import { viewStateOf } from '../conversations/viewState'
import { isFormatterAwaited, loadFormatter } from '../primitives/formatter'
import { Icon } from '../primitives/Icon'
import { TimelineRow } from './TimelineRow'
import { countUnseen, unreadLineIndex, type Row, type RowCache, lastSeqUpTo, toRows } from './rows'

/** A position this close to the end counts as the end. */
const END_TOLERANCE_PX = 48
/** Older messages load this far before the top. */
const LOAD_AHEAD_PX = 1500
/** The virtualized list has measured its first rows after this many frames. */
const FRAMES_TO_MEASURE = 3
/** At most so many of the newest rows are in view when a conversation opens. */
const ROWS_IN_VIEW = 50
/** A scroll target more than this many events back is not loaded. */
const MAX_JUMP_EVENTS = 5_000

export function Timeline({ conversation }: { conversation: ConversationModel }) {
  const rowSignal = useRows(conversation)
  const rows = rowSignal.value
  const isSettling = useSettling(rows)
  const handle = useRef<VirtualizerHandle>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const offset = useRef(0)
  const isScrolledUp = useSignal(false)
  const seen = useSignal(0)
  const prepended = usePrepended(rows)

  // Not the list's scrollToIndex: it keeps correcting for a moment, and would pull back a user who scrolls up.
  const scrollToEnd = () => {
    atEnd.current = true
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight
  }

  const updateScrollState = () => {
    const list = handle.current
    if (!list || list.viewportSize === 0) return
    const bottom = list.scrollOffset + list.viewportSize
    // A growing row moves the end away; only scrolling up means leaving it.
    if (bottom >= list.scrollSize - END_TOLERANCE_PX) atEnd.current = true
    else if (list.scrollOffset < offset.current) atEnd.current = false
    offset.current = list.scrollOffset
    isScrolledUp.value = bottom < list.scrollSize - list.viewportSize / 2
    const seq = atEnd.current ? lastSeqUpTo(rows, rows.length - 1) : lastSeqUpTo(rows, list.findItemIndex(bottom - 1))
    if (document.hasFocus() && document.visibilityState === 'visible') {
      if (seq > seen.value) seen.value = seq
      conversation.markRead(seq)
    }
    const nearTop = list.scrollOffset < LOAD_AHEAD_PX && conversation.hasOlder.value
    if (nearTop && conversation.loading.value === null && conversation.error.value === null) void conversation.loadOlder()
  }

  // The line can change after the timeline mounted: at a start the stored messages show before the new ones are read.
  const placedLine = useRef<number | null>(null)
  const scrollToUnread = (): boolean => {
    const line = unreadLineIndex(rows, conversation.hasOlder.value)
    if (line === null || placedLine.current === conversation.unreadFrom.value) return false
    placedLine.current = conversation.unreadFrom.value
    atEnd.current = false
    handle.current?.scrollToIndex(line, { align: 'start', offset: -24 })
    return true
  }
  useLayoutEffect(() => {
    if (!scrollToUnread()) scrollToEnd()
  }, [])

  const newest = rows.at(-1)
  useLayoutEffect(() => {
    if (atEnd.current) scrollToUnread()
    const own = newest?.kind === 'message' && newest.item.own && newest.item.state === 'pending'
    if (atEnd.current || own) scrollToEnd()
    updateScrollState()
  }, [rows])

  useEffect(() => {
    addEventListener('focus', updateScrollState)
    document.addEventListener('visibilitychange', updateScrollState)
    return () => {
      removeEventListener('focus', updateScrollState)
      document.removeEventListener('visibilitychange', updateScrollState)
    }
  })

  const { scrollTarget, highlighted, focused } = viewStateOf(conversation)
  // The focused message stays in the document, and so keeps the focus, while it is out of view.
  const focusedIndex = useComputed(() => (focused.value === null ? -1 : rowSignal.value.findIndex(({ key }) => key === focused.value))).value
  useSignalEffect(() => {
    const seq = scrollTarget.value
    if (seq === null) return
    const index = rowSignal.value.findIndex((row) => row.kind === 'message' && row.item.seq === seq)
    const first = conversation.timeline.value[0]?.seq ?? 0
    if (index >= 0) {
      atEnd.current = false
      handle.current?.scrollToIndex(index, { align: 'center' })
      highlighted.value = seq
      scrollTarget.value = null
    } else if (conversation.hasOlder.value && first > seq && first - seq < MAX_JUMP_EVENTS && !conversation.error.value) {
      if (conversation.loading.value === null) void conversation.loadOlder()
    } else {
      scrollTarget.value = null
      announce(t('message.tooFarBack'))
    }
  })

  const { kind, name } = conversation.identity.value
  const label = t(kind === 'group' ? 'conversation.historyGroup' : 'conversation.history', { name })
  return (
    <div class="history">
      <div
        ref={scroller}
        class={isSettling.value ? 'history-scroll history-settling' : 'history-scroll'}
        role="region"
        aria-label={label}
        tabIndex={0}
        onKeyDown={moveBetweenMessages}
        onFocusIn={(event) => (focused.value = articleOf(event)?.dataset.key ?? focused.value)}
      >
        <span class="history-spacer" />
        <Virtualizer
          ref={handle}
          data={rows}
          shift={prepended}
          keepMounted={focusedIndex < 0 ? [] : [focusedIndex]}
          onScroll={updateScrollState}
          onResize={() => (atEnd.current ? scrollToEnd() : updateScrollState())}
        >
          {(row) => (
            <div key={row.key} class={row === newest ? 'timeline-item timeline-item-newest' : 'timeline-item'}>
              <TimelineRow row={row} conversation={conversation} />
            </div>
          )}
        </Virtualizer>
      </div>
      <JumpToNewest rows={rows} isScrolledUp={isScrolledUp} seen={seen} onClick={scrollToEnd} />
    </div>
  )
}

/** Return the rows. New ones that need the formatter wait until it is loaded: unformatted, they would change their height. */
function useRows(conversation: ConversationModel): ReadonlySignal<Row[]> {
  const shown = useRef<Row[]>([])
  const cache = useRef<RowCache>(new WeakMap())
  return useComputed(() => {
    const rows = toRows(conversation.timeline.value, conversation.unreadFrom.value, cache.current)
    const needsFormatter = isFormatterAwaited() && rows.slice(-ROWS_IN_VIEW).some((row) => row.kind === 'message' && hasMarkup(row.item.body))
    if (needsFormatter) loadFormatter()
    else shown.current = rows
    return shown.current
  })
}

/** Whether rows that came later than the timeline are being measured: they would move for a moment if they showed. */
function useSettling(rows: Row[]): ReadonlySignal<boolean> {
  const settling = useSignal(rows.length === 0)
  const hasRows = rows.length > 0
  useLayoutEffect(() => {
    if (!hasRows || !settling.value) return
    let frames = FRAMES_TO_MEASURE
    const step = (): void => {
      if (frames-- > 0) request = requestAnimationFrame(step)
      else settling.value = false
    }
    let request = requestAnimationFrame(step)
    return () => cancelAnimationFrame(request)
  }, [hasRows])
  return settling
}

const articleOf = (event: Event): HTMLElement | null => (event.target as HTMLElement).closest('article')

/** Move the focus from a control of a message to the menu button of another message. */
function moveBetweenMessages(event: KeyboardEvent): void {
  const here = articleOf(event)?.querySelector<HTMLElement>('.message-more')
  if (here) moveFocus(event, event.currentTarget as HTMLElement, '.message-more', here)
}

/** Whether rows were added before the existing ones since the last render. */
function usePrepended(rows: Row[]): boolean {
  const previousOldest = useRef<string | undefined>(undefined)
  const oldest = rows.find((row) => row.kind === 'message' || row.kind === 'notice')?.key
  const prepended = previousOldest.current !== undefined && previousOldest.current !== oldest && rows.some((r) => r.key === previousOldest.current)
  useLayoutEffect(() => {
    previousOldest.current = oldest
  })
  return prepended
}

interface ToNewestProps {
  rows: Row[]
  isScrolledUp: ReadonlySignal<boolean>
  seen: ReadonlySignal<number>
  onClick: () => void
}

function JumpToNewest({ rows, isScrolledUp, seen, onClick }: ToNewestProps) {
  if (!isScrolledUp.value) return null
  const count = countUnseen(rows, seen.value)
  const label = count > 0 ? t('conversation.toNewestCount', { count }) : t('conversation.toNewest')
  return (
    <button type="button" class="jump-to-newest" aria-label={label} title={label} onClick={onClick}>
      <Icon name="down" />
      {count > 0 && <span class="badge" aria-hidden="true">{count}</span>}
    </button>
  )
}
