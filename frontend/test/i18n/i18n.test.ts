import { expect, test } from 'vitest'
import { list, t } from '../../src/i18n'

test('gaps are filled and numbers grouped', () => {
  expect(t('user.handle', { handle: 'ana' })).toBe('@ana')
  expect(t('list.unread', { count: 1284 })).toBe('1,284 unread messages')
})

test('one is not many', () => {
  expect(t('list.unread', { count: 1 })).toBe('1 unread message')
  expect(t('list.unread', { count: 0 })).toBe('0 unread messages')
})

test('what a person typed is never taken for a gap', () => {
  expect(t('list.noMatch.text', { query: '{query} $& $1' })).toContain('“{query} $& $1”')
})

test('names are joined as in a sentence', () => {
  expect(list(['Ana', 'Bo', 'Cy'])).toBe('Ana, Bo, and Cy')
})
