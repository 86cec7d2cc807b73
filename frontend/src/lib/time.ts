/** Formats times in the user's language and time zone. The current time is an argument. */
import { t } from '../i18n'

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const weekdayAndDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })
const numeric = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' })

/** Count the days between the local midnights of two times: 0 is the same day, 1 the next. */
export function daysBetween(from_ms: number, to_ms: number): number {
  const from = new Date(from_ms)
  const to = new Date(to_ms)
  const utc = (d: Date) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate())
  return Math.round((utc(to) - utc(from)) / 86_400_000)
}

/** "10:32". */
export function clockTime(at_ms: number): string {
  return clock.format(at_ms)
}

/** "Sunday, 22 November 2026 at 10:32". */
export function fullTime(at_ms: number): string {
  return full.format(at_ms)
}

/** Format for a list: the time today, the weekday within a week, the date before that. */
export function listTime(at_ms: number, now_ms: number): string {
  const days = daysBetween(at_ms, now_ms)
  if (days <= 0) return clock.format(at_ms)
  if (days === 1) return t('time.yesterday')
  if (days < 7) return weekday.format(at_ms)
  return sameYear(at_ms, now_ms) ? dayAndMonth.format(at_ms) : numeric.format(at_ms)
}

/** Format for a day separator: today, yesterday, weekday and date this year, the full date before that. */
export function dayLabel(at_ms: number, now_ms: number): string {
  const days = daysBetween(at_ms, now_ms)
  if (days === 0) return t('time.today')
  if (days === 1) return t('time.yesterday')
  return sameYear(at_ms, now_ms) ? weekdayAndDay.format(at_ms) : dayAndYear.format(at_ms)
}

function sameYear(a_ms: number, b_ms: number): boolean {
  return new Date(a_ms).getFullYear() === new Date(b_ms).getFullYear()
}
