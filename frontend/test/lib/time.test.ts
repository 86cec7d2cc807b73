import { expect, test } from 'vitest'
import { clockTime, dayLabel, daysBetween, listTime } from '../../src/lib/time'

const at = (...parts: [number, number, number, number?, number?]) => new Date(...parts).getTime()
const NOW = at(2026, 4, 20, 12)

test('daysBetween counts midnights, not hours', () => {
  expect(daysBetween(at(2026, 4, 19, 23, 59), at(2026, 4, 20, 0, 1))).toBe(1)
  expect(daysBetween(at(2026, 4, 20, 0, 1), at(2026, 4, 20, 23, 59))).toBe(0)
  // Also across daylight saving time changes.
  expect(daysBetween(at(2026, 2, 1), at(2026, 11, 1))).toBe(275)
})

test('day labels are today, yesterday, the date, and the date with the year', () => {
  expect(dayLabel(at(2026, 4, 20, 1), NOW)).toBe('Today')
  expect(dayLabel(at(2026, 4, 19, 23), NOW)).toBe('Yesterday')
  expect(dayLabel(at(2026, 4, 18), NOW)).toMatch(/18/)
  expect(dayLabel(at(2026, 4, 18), NOW)).not.toMatch(/2026/)
  expect(dayLabel(at(2025, 4, 18), NOW)).toMatch(/2025/)
})

test('list times are the time today, then yesterday, the weekday, the date', () => {
  const times = [at(2026, 4, 20, 9), at(2026, 4, 19), at(2026, 4, 15), at(2026, 3, 1), at(2024, 3, 1)].map((t) => listTime(t, NOW))
  expect(times[0]).toBe(clockTime(at(2026, 4, 20, 9)))
  expect(times[1]).toBe('Yesterday')
  expect(times[2]).toBe(new Intl.DateTimeFormat(undefined, { weekday: 'short' }).format(at(2026, 4, 15)))
  expect(times[3]).not.toMatch(/2026/)
  expect(times[4]).toMatch(/24/)
})

test('a time slightly in the future shows as the time', () => {
  expect(listTime(NOW + 60_000, NOW)).toBe(clockTime(NOW + 60_000))
})
