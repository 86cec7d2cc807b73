import { expect, test } from 'vitest'
import { list, t } from '../../src/i18n'

test('placeholders are filled and numbers grouped', () => {
  expect(t('user.handle', { handle: 'ana' })).toBe('@ana')
  expect(t('list.unread', { count: 1284 })).toBe('1,284 unread messages')
})

test('the plural form matches the count', () => {
  expect(t('list.unread', { count: 1 })).toBe('1 unread message')
  expect(t('list.unread', { count: 0 })).toBe('0 unread messages')
})

test('placeholders in a parameter are not filled', () => {
  expect(t('list.noMatch.text', { query: '{query} $& $1' })).toContain('“{query} $& $1”')
})

test('lists are joined as in a sentence', () => {
  expect(list(['Ana', 'Bo', 'Cy'])).toBe('Ana, Bo, and Cy')
})
