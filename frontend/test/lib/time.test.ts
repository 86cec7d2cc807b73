import { expect, test } from 'vitest'
import { clockTime, dayLabel, daysBetween, listTime } from '../../src/lib/time'

const at = (...parts: [number, number, number, number?, number?]) => new Date(...parts).getTime()
const NOW = at(2026, 4, 20, 12)

test('days are counted between midnights, not in hours', () => {
  expect(daysBetween(at(2026, 4, 19, 23, 59), at(2026, 4, 20, 0, 1))).toBe(1)
  expect(daysBetween(at(2026, 4, 20, 0, 1), at(2026, 4, 20, 23, 59))).toBe(0)
  // Whatever the clocks do in spring and autumn.
  expect(daysBetween(at(2026, 2, 1), at(2026, 11, 1))).toBe(275)
})

test('days are named as people name them', () => {
  expect(dayLabel(at(2026, 4, 20, 1), NOW)).toBe('Today')
  expect(dayLabel(at(2026, 4, 19, 23), NOW)).toBe('Yesterday')
  expect(dayLabel(at(2026, 4, 18), NOW)).toMatch(/18/)
  expect(dayLabel(at(2026, 4, 18), NOW)).not.toMatch(/2026/)
  expect(dayLabel(at(2025, 4, 18), NOW)).toMatch(/2025/)
})

test('a list shows the time today, then yesterday, the weekday, the date', () => {
  const times = [at(2026, 4, 20, 9), at(2026, 4, 19), at(2026, 4, 15), at(2026, 3, 1), at(2024, 3, 1)].map((t) => listTime(t, NOW))
  expect(times[0]).toBe(clockTime(at(2026, 4, 20, 9)))
  expect(times[1]).toBe('Yesterday')
  expect(times[2]).toBe(new Intl.DateTimeFormat(undefined, { weekday: 'short' }).format(at(2026, 4, 15)))
  expect(times[3]).not.toMatch(/2026/)
  expect(times[4]).toMatch(/24/)
})

test('a clock that runs a little ahead still says the time', () => {
  expect(listTime(NOW + 60_000, NOW)).toBe(clockTime(NOW + 60_000))
})
