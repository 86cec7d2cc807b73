/**
 * The history, drawn only where it is looked at.
 *
 * Three promises: at the end one stays at the end, elsewhere nothing moves by itself, and what was seen is said once.
 */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import type { ConversationModel } from '../../core/model'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { moveFocus } from '../../lib/keyboard'
import { viewStateOf } from '../conversations/viewState'
import { countUnseen, unreadLineIndex, type Row, lastSeqUpTo, toRows } from './rows'
import { TimelineRow } from './TimelineRow'
import { Icon } from '../primitives/Icon'

/** This close to the end counts as the end. */
const END_TOLERANCE_PX = 48
/** This far from the top older messages are asked for, so that they are there before one arrives. */
const LOAD_AHEAD_PX = 1500
/** A message further back than this is not looked for. */
const MAX_JUMP_EVENTS = 5_000

export function Timeline({ conversation }: { conversation: ConversationModel }) {
  const drawn = useComputed(() => toRows(conversation.timeline.value, conversation.unreadFrom.value))
  const rows = drawn.value
  const handle = useRef<VirtualizerHandle>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const offset = useRef(0)
  const away = useSignal(false)
  const seen = useSignal(0)
  const prepended = usePrepended(rows)

  // Not the list's own scrollToIndex: it insists for a moment, and would pull back whoever scrolls up in that moment.
  const toEnd = () => {
    atEnd.current = true
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight
  }

  const look = () => {
    const list = handle.current
    if (!list || list.viewportSize === 0) return
    const bottom = list.scrollOffset + list.viewportSize
    // Rows that grow put the end further away; only moving up means having left it.
    if (bottom >= list.scrollSize - END_TOLERANCE_PX) atEnd.current = true
    else if (list.scrollOffset < offset.current) atEnd.current = false
    offset.current = list.scrollOffset
    away.value = bottom < list.scrollSize - list.viewportSize / 2
    const seq = atEnd.current ? lastSeqUpTo(rows, rows.length - 1) : lastSeqUpTo(rows, list.findItemIndex(bottom - 1))
    if (document.hasFocus() && document.visibilityState === 'visible') {
      if (seq > seen.value) seen.value = seq
      conversation.markRead(seq)
    }
    const wanted = list.scrollOffset < LOAD_AHEAD_PX && conversation.hasOlder.value
    if (wanted && conversation.loading.value === null && conversation.problem.value === null) void conversation.loadOlder()
  }

  useLayoutEffect(() => {
    const line = unreadLineIndex(rows, conversation.hasOlder.value)
    if (line === null) return toEnd()
    atEnd.current = false
    handle.current?.scrollToIndex(line, { align: 'start', offset: -24 })
  }, [])

  const newest = rows.at(-1)
  useLayoutEffect(() => {
    const own = newest?.kind === 'message' && newest.item.own && newest.item.state === 'pending'
    if (atEnd.current || own) toEnd()
    look()
  }, [rows])

  useEffect(() => {
    addEventListener('focus', look)
    document.addEventListener('visibilitychange', look)
    return () => {
      removeEventListener('focus', look)
      document.removeEventListener('visibilitychange', look)
    }
  })

  const { jump, found } = viewStateOf(conversation)
  useSignalEffect(() => {
    const seq = jump.value
    if (seq === null) return
    const index = drawn.value.findIndex((row) => row.kind === 'message' && row.item.seq === seq)
    const first = conversation.timeline.value[0]?.seq ?? 0
    if (index >= 0) {
      atEnd.current = false
      handle.current?.scrollToIndex(index, { align: 'center' })
      found.value = seq
      jump.value = null
    } else if (conversation.hasOlder.value && first > seq && first - seq < MAX_JUMP_EVENTS && !conversation.problem.value) {
      if (conversation.loading.value === null) void conversation.loadOlder()
    } else {
      jump.value = null
      announce(t('message.unreachable'))
    }
  })

  const { kind, name } = conversation.summary.value
  const label = t(kind === 'group' ? 'conversation.historyGroup' : 'conversation.history', { name })
  return (
    <div class="history">
      <div ref={scroller} class="history-scroll" role="region" aria-label={label} tabIndex={0} onKeyDown={stepThrough}>
        <span class="history-spacer" />
        <Virtualizer
          ref={handle}
          data={rows}
          shift={prepended}
          onScroll={look}
          onResize={() => (atEnd.current ? toEnd() : look())}
        >
          {(row) => (
            <div key={row.key} class={row === newest ? 'timeline-item timeline-item-newest' : 'timeline-item'}>
              <TimelineRow row={row} conversation={conversation} />
            </div>
          )}
        </Virtualizer>
      </div>
      <JumpToNewest rows={rows} away={away} seen={seen} onClick={toEnd} />
    </div>
  )
}

/** From one message's menu to the next one's. */
function stepThrough(event: KeyboardEvent): void {
  const at = event.target as HTMLElement
  if (at.matches('.message-more')) moveFocus(event, event.currentTarget as HTMLElement, '.message-more')
}

/** Whether, since the last drawing, rows were put before the ones that were there. */
function usePrepended(rows: Row[]): boolean {
  const drawn = useRef<string | undefined>(undefined)
  const oldest = rows.find((row) => row.kind === 'message' || row.kind === 'notice')?.key
  const prepended = drawn.current !== undefined && drawn.current !== oldest && rows.some((r) => r.key === drawn.current)
  useLayoutEffect(() => {
    drawn.current = oldest
  })
  return prepended
}

interface ToNewestProps {
  rows: Row[]
  away: ReadonlySignal<boolean>
  seen: ReadonlySignal<number>
  onClick: () => void
}

function JumpToNewest({ rows, away, seen, onClick }: ToNewestProps) {
  if (!away.value) return null
  const count = countUnseen(rows, seen.value)
  const label = count > 0 ? t('conversation.toNewestCount', { count }) : t('conversation.toNewest')
  return (
    <button type="button" class="jump-to-newest" aria-label={label} title={label} onClick={onClick}>
      <Icon name="down" />
      {count > 0 && <span class="badge" aria-hidden="true">{count}</span>}
    </button>
  )
}
