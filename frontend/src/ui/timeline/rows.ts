/** Builds the rows of a timeline: day separators, runs of one author, and the line above unread messages. Pure functions. */
import type { TimelineItem } from '../../core/model'

type MessageItem = Extract<TimelineItem, { kind: 'message' }>
type NoticeItem = Extract<TimelineItem, { kind: 'notice' }>

export type Row =
  /** The first row: older messages are loading, or this is the beginning. */
  | { kind: 'start'; key: string }
  | { kind: 'day'; key: string; at_ms: number }
  | { kind: 'new'; key: string }
  | { kind: 'notice'; key: string; item: NoticeItem }
  /** `first` and `last` in a run of one author. */
  | { kind: 'message'; key: string; item: MessageItem; first: boolean; last: boolean }

export const RUN_MS = 5 * 60_000

/** Rows built before, by their item: a row stays the same object while it looks the same, and so is not rendered again. */
export type RowCache = WeakMap<TimelineItem, { row?: Row; day?: Row }>

const START: Row = { kind: 'start', key: 'start' }
const NEW: Row = { kind: 'new', key: 'new' }

/** `unreadFrom`: seq of the newest read event; the line goes before the first message of another user after it. */
export function toRows(items: readonly TimelineItem[], unreadFrom: number | null, cache: RowCache = new WeakMap()): Row[] {
  const rows: Row[] = [START]
  const day = createDayTracker()
  let hasLine = unreadFrom === null
  let previous: MessageItem | null = null
  let previousIsFirst = true
  const endMessage = (last: boolean) => {
    if (previous) rows.push(messageRow(previous, previousIsFirst, last, cached(cache, previous)))
    previous = null
  }
  for (const item of items) {
    const beginsDay = day.begins(item.at_ms)
    const beginsUnread = !hasLine && unreadFrom !== null && item.kind === 'message' && !item.own && item.seq > unreadFrom
    const joinsRun = !beginsDay && !beginsUnread && isSameRun(previous, item)
    endMessage(!joinsRun)
    if (beginsDay) rows.push((cached(cache, item).day ??= { kind: 'day', key: `day ${day.start_ms()}`, at_ms: item.at_ms }))
    if (beginsUnread) {
      rows.push(NEW)
      hasLine = true
    }
    if (item.kind === 'notice') {
      rows.push((cached(cache, item).row ??= { kind: 'notice', key: item.key, item }))
      continue
    }
    previous = item
    previousIsFirst = !joinsRun
  }
  endMessage(true)
  return rows
}

function isSameRun(previous: MessageItem | null, item: TimelineItem): boolean {
  if (previous === null || item.kind !== 'message') return false
  return previous.author.user_id === item.author.user_id && item.at_ms - previous.at_ms <= RUN_MS
}

function messageRow(item: MessageItem, first: boolean, last: boolean, entry: { row?: Row }): Row {
  const { row } = entry
  if (row?.kind === 'message' && row.first === first && row.last === last) return row
  return (entry.row = { kind: 'message', key: item.key, item, first, last })
}

function cached(cache: RowCache, item: TimelineItem): { row?: Row; day?: Row } {
  const entry = cache.get(item) ?? {}
  cache.set(item, entry)
  return entry
}

/** Detects changes of the local day; creates a Date only when the day changes. */
function createDayTracker() {
  let from = NaN
  let to = NaN
  return {
    start_ms: () => from,
    begins(at_ms: number): boolean {
      if (at_ms >= from && at_ms < to) return false
      const date = new Date(at_ms)
      const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
      from = new Date(year, month, day).getTime()
      to = new Date(year, month, day + 1).getTime()
      return true
    },
  }
}

/** Return the index of the line above unread messages; null if there is none, or if unread messages may begin before the loaded ones. */
export function unreadLineIndex(rows: readonly Row[], hasOlder: boolean): number | null {
  const line = rows.findIndex((row) => row.kind === 'new')
  const read = rows.slice(0, Math.max(line, 0)).some((row) => row.kind === 'message' || row.kind === 'notice')
  return line >= 0 && (read || !hasOlder) ? line : null
}

/** Return the highest seq in `rows` up to and including `index`; 0 if there is none. */
export function lastSeqUpTo(rows: readonly Row[], index: number): number {
  for (let i = Math.min(index, rows.length - 1); i >= 0; i -= 1) {
    const row = rows[i]
    if (row && (row.kind === 'message' || row.kind === 'notice') && row.item.seq !== null) return row.item.seq
  }
  return 0
}

/** Count the messages of other users after `seq`. */
export function countUnseen(rows: readonly Row[], seq: number): number {
  let count = 0
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const row = rows[i]
    if (row?.kind !== 'message' && row?.kind !== 'notice') continue
    if (row.item.seq !== null && row.item.seq <= seq) break
    if (row.kind === 'message' && !row.item.own) count += 1
  }
  return count
}
