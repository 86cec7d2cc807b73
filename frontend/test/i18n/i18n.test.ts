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

test('names in another direction are isolated within a sentence', () => {
  expect(t('typing.one', { names: 'Ana' })).not.toContain('\u2068')
  for (const name of ['ליאור', 'ليلى', 'Ana (ليلى)', 'Ana\u202E', '\u200FAna']) {
    expect(t('message.label', { name, time: '12:00' })).toBe(`\u2068${name}\u2069, 12:00`)
  }
  expect(t('block.confirm', { name: 'ليلى' })).toMatch(/^Block \u2068ليلى\u2069\?/)
})

test('a name cannot end the isolate around it', () => {
  expect(t('message.label', { name: 'a\u2069b\u2066c', time: '12:00' })).toBe('\u2068abc\u2069, 12:00')
})

test('each name in a list is isolated, and the list within its sentence', () => {
  const names = list(['ליאור', 'Bo', 'ليلى'])
  expect(names).toBe('\u2068ליאור\u2069, Bo, and \u2068ليلى\u2069')
  expect(t('menu.seenBy', { names })).toBe(`Seen by \u2068${names}\u2069`)
})
