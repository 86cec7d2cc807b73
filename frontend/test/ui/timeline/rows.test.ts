import { describe, expect, test } from 'vitest'
import type { TimelineItem } from '../../../src/core/model'
import { countUnseen, unreadLineIndex, type Row, RUN_MS, lastSeqUpTo, toRows } from '../../../src/ui/timeline/rows'
import { ANA, BEN, ME } from '../../../dev/users'

const NOON = new Date(2026, 4, 20, 12).getTime()
const MIDNIGHT = new Date(2026, 4, 21).getTime()

function message(seq: number, at_ms: number, author = ANA): TimelineItem {
  return { kind: 'message', key: `k${seq}`, seq, at_ms, author, own: author === ME, body: `${seq}`, state: 'sent' }
}

function joinNotice(seq: number, at_ms: number): TimelineItem {
  const event = { type: 'member.added', seq, at_ms, actor_id: ANA.user_id, user_id: BEN.user_id, role: 'member', message_count: 0 } as const
  return { kind: 'notice', key: `k${seq}`, seq, at_ms, actor: ANA, event }
}

const kinds = (rows: Row[]) => rows.map((row) => row.kind)
const runs = (rows: Row[]) =>
  rows.flatMap((row) => (row.kind === 'message' ? [`${row.first ? '[' : ''}${row.key}${row.last ? ']' : ''}`] : []))

describe('runs', () => {
  test('messages of one author within five minutes form a run', () => {
    const rows = toRows([message(1, NOON), message(2, NOON + RUN_MS), message(3, NOON + RUN_MS + 1)], null)
    expect(runs(rows)).toEqual(['[k1', 'k2', 'k3]'])
  })
  test('a longer pause, another author or a notice starts a new run', () => {
    const late = NOON + RUN_MS + 1
    const rows = toRows([message(1, NOON), message(2, late), message(3, late, BEN), joinNotice(4, late), message(5, late, BEN)], null)
    expect(runs(rows)).toEqual(['[k1]', '[k2]', '[k3]', '[k5]'])
  })
  test('midnight starts a new run and a new day', () => {
    const rows = toRows([message(1, MIDNIGHT - 1), message(2, MIDNIGHT)], null)
    expect(kinds(rows)).toEqual(['start', 'day', 'message', 'day', 'message'])
    expect(runs(rows)).toEqual(['[k1]', '[k2]'])
  })
})

describe('the unread line', () => {
  test('is before the first unread message of another user and splits the run', () => {
    const rows = toRows([message(1, NOON), message(2, NOON), message(3, NOON)], 1)
    expect(kinds(rows)).toEqual(['start', 'day', 'message', 'new', 'message', 'message'])
    expect(runs(rows)).toEqual(['[k1]', '[k2', 'k3]'])
  })
  test('is not shown above an own message', () => {
    expect(kinds(toRows([message(1, NOON), message(2, NOON, ME)], 1))).not.toContain('new')
  })
  test('is not shown if everything was read', () => {
    expect(kinds(toRows([message(1, NOON)], 1))).not.toContain('new')
    expect(kinds(toRows([message(1, NOON)], null))).not.toContain('new')
  })
  test('has no index if the first unread message may not be loaded yet', () => {
    expect(unreadLineIndex(toRows([message(1, NOON), message(2, NOON)], 1), true)).toBe(3)
    expect(unreadLineIndex(toRows([message(2, NOON), message(3, NOON)], 1), true)).toBeNull()
    expect(unreadLineIndex(toRows([message(2, NOON), message(3, NOON)], 1), false)).toBe(2)
    expect(unreadLineIndex(toRows([message(1, NOON)], null), false)).toBeNull()
  })
})

test('every row has a unique key', () => {
  const items = Array.from({ length: 400 }, (_, i) => message(i + 1, NOON + i * 3_600_000, i % 3 ? ANA : BEN))
  const keys = toRows(items, 200).map((row) => row.key)
  expect(new Set(keys).size).toBe(keys.length)
})

test('a pending message has no seq, so lastSeqUpTo uses the one before it', () => {
  const pending: TimelineItem = { kind: 'message', key: 'p', seq: null, at_ms: NOON, author: ME, own: true, body: '', state: 'pending' }
  const rows = toRows([message(7, NOON), pending], null)
  expect(lastSeqUpTo(rows, rows.length - 1)).toBe(7)
  expect(lastSeqUpTo(rows, 0)).toBe(0)
})

test('only messages of other users count as unseen', () => {
  const rows = toRows([message(1, NOON), message(2, NOON, ME), joinNotice(3, NOON), message(4, NOON), message(5, NOON)], null)
  expect(countUnseen(rows, 1)).toBe(2)
  expect(countUnseen(rows, 5)).toBe(0)
})
