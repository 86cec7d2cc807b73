import { describe, expect, test } from 'vitest'
import { initials, isEmojiOnly, linkify, mentionBeingTyped, tone, TONES, withMentions } from '../../src/lib/text'
import { byteCount, charCount } from '../../src/lib/textLength'

const links = (text: string) => linkify(text).flatMap((segment) => segment.href ?? [])

describe('linkify', () => {
  test.each([
    ['see https://example.com/a?b=c#d now', 'https://example.com/a?b=c#d'],
    ['(https://example.com/a)', 'https://example.com/a'],
    ['https://en.example.org/wiki/Chat_(talk)', 'https://en.example.org/wiki/Chat_(talk)'],
    ['Read https://example.com.', 'https://example.com'],
    ['HTTP://EXAMPLE.COM!', 'HTTP://EXAMPLE.COM'],
    ['<https://example.com/>', 'https://example.com/'],
  ])('finds the link in %s', (text, link) => {
    expect(links(text)).toEqual([link])
  })
  test.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'ftp://example.com', 'example.com', 'https://', 'xhttps://a.b'])(
    'finds no link in %s',
    (text) => expect(links(text)).toEqual([]),
  )
  test.each(['', ' a  b\n\n\tc ', 'x https://a.b, https://c.d). <y>', 'https://a.b\nhttps://c.d', '\u202ehttps://a.b\u0000'])(
    'keeps every character of %j',
    (text) => expect(linkify(text).map((segment) => segment.text).join('')).toBe(text),
  )
})

test('a link followed by many brackets is found in linear time', () => {
  // In quadratic time this would exceed the test's timeout.
  expect(links(`https://a.b/(c)${')'.repeat(40_000)}`)).toEqual(['https://a.b/(c)'])
})

describe('emoji', () => {
  test.each(['👍', '🎉🎉', ' ☀️ ', '👩‍👩‍👧‍👦', '🇵🇹', '👋🏽 🙂 ❤️'])('%s is shown larger', (text) => expect(isEmojiOnly(text)).toBe(true))
  test.each(['', ' ', '1', '#', 'a👍', '👍 ok', '🎉🎉🎉🎉', '1️'])('%j is not', (text) => expect(isEmojiOnly(text)).toBe(false))
})

test.each([
  ['Ana Silva', 'AS'],
  ['ana', 'A'],
  ['  Ana Maria da Silva ', 'AS'],
  ['Дмитрий Волков', 'ДВ'],
  ['🎉 Party (2026)', 'P2'],
  ['🎉', ''],
  ['', ''],
])('the initials of %j are %j', (name, letters) => expect(initials(name)).toBe(letters))

test('an id always has the same tone, and all tones are used', () => {
  const ids = Array.from({ length: 500 }, (_, i) => `user-${i * 7919}`)
  const tones = ids.map(tone)
  expect(ids.map(tone)).toEqual(tones)
  expect([...new Set(tones)].sort()).toEqual(Array.from({ length: TONES }, (_, i) => i))
})

test('characters and bytes are counted as on the server', () => {
  expect(charCount('añ🎉')).toBe(3)
  expect(byteCount('añ🎉')).toBe(7)
})

test('only handles that the server resolved are marked, and the text is unchanged', () => {
  const text = '@Ana, ask @bo. Not me@ana or @stranger: https://x.org/@ana'
  const segments = withMentions(linkify(text), { ana: 'u1', bo: 'u2' })
  expect(segments.map((segment) => segment.text).join('')).toBe(text)
  expect(segments.filter((segment) => segment.mention)).toEqual([
    { text: '@Ana', mention: 'u1' },
    { text: '@bo', mention: 'u2' },
  ])
})

test('a handle that is also an object property is marked only if the server resolved it', () => {
  const marked = (mentions: Record<string, string>) =>
    withMentions([{ text: '@ana and @constructor' }], mentions).flatMap((segment) => segment.mention ?? [])
  expect(marked({ ana: 'u1' })).toEqual(['u1'])
  expect(marked({ ana: 'u1', constructor: 'u2' })).toEqual(['u1', 'u2'])
})

test.each([
  ['@ana你好', 1],
  ['你好@ana', 1],
  ['é@ana.', 1],
  ['@ana@example.org', 0],
  ['ana@ana.example', 0],
  ['/@ana', 0],
  ['https://example.com/?u=@ana', 0],
  ['HTTP://[@ana', 0],
  ['(https://example.com/a,@ana)', 0],
  ['https://example.com/?u=@ana @ana', 1],
  ['<https://example.com>@ana', 1],
  ['xhttps://,@ana', 1],
])('in «%s» the number of marked handles is %d, as on the server', (text, marked) => {
  const segments = withMentions([{ text }], { ana: 'u1' })
  expect(segments.filter((segment) => segment.mention)).toHaveLength(marked)
  expect(segments.map((segment) => segment.text).join('')).toBe(text)
})

test.each([
  ['hi @', ''],
  ['你好@An', 'an'],
  ['https://x.org/@an', null],
  ['https://x.org/?u=@an', null],
  ['https://x.org/a,@an', null],
  ['https://x.org/ @an', 'an'],
  ['hi @An', 'an'],
  ['ana@an', null],
  ['@ana ', null],
])('after «%s» the mention being typed is %s', (before, typed) => {
  expect(mentionBeingTyped(before)).toBe(typed)
})
