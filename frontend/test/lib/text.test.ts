import { describe, expect, test } from 'vitest'
import { initials, isEmojiOnly, mentionBeingTyped, tone, TONES, toSegments } from '../../src/lib/text'
import { byteCount, charCount } from '../../src/lib/textLength'
import { hasMarkup, visibleText } from '../../src/lib/visibleText'
import cases from './message-text-cases.json'

const links = (text: string) => toSegments(text).flatMap((segment) => segment.href ?? [])

/** The cases of one kind: a body and what is found in it. `tests/domain/test_message_text.py` has the same. */
const casesOf = <T>(kind: keyof typeof cases): [string, T][] => cases[kind] as [string, T][]

describe('the cases of both languages', () => {
  test.each(casesOf<string[]>('links'))('the links of %j', (text, expected) => {
    const web = toSegments(text).filter((segment) => segment.href && !segment.href.startsWith('mailto:'))
    expect(web.map((segment) => segment.text)).toEqual(expected)
  })
  test.each(casesOf<string[]>('code'))('the code of %j', (text, expected) =>
    expect(toSegments(text).flatMap((segment) => segment.code?.text ?? [])).toEqual(expected),
  )
  test.each(casesOf<string[]>('mentions'))('the mentions of %j', (text, expected) =>
    expect(toSegments(text, { ann: 'a' }).flatMap((segment) => (segment.mention ? 'ann' : []))).toEqual(expected),
  )
  test.each(casesOf<string>('visible'))('the visible text of %j', (text, expected) => expect(visibleText(text)).toBe(expected))
  test.each(Object.values(cases).flat() as [string, unknown][])('%j is unchanged when its segments are joined', (text) =>
    expect(toSegments(text, { ann: 'a' }).map((segment) => segment.text).join('')).toBe(text),
  )
})

describe('e-mail addresses', () => {
  test.each([
    ['ana@example.com', 'ana@example.com'],
    ['Write to ana.b+c@mail.example.co.uk.', 'ana.b+c@mail.example.co.uk'],
    ['发给ana@example.com，谢谢', 'ana@example.com'],
    ['发给ana@example.com谢谢', 'ana@example.com'],
    ['<ana@example.com>', 'ana@example.com'],
    ['mailto:ana@example.com', 'ana@example.com'],
    ['**ana@example.com**', 'ana@example.com'],
  ])('%s is a link to %s', (text, address) => expect(links(text)).toEqual([`mailto:${address}`]))
  test.each(['ana@example', 'ana@example.c', '@ana@example.org@', 'ana@@example.com', '`ana@example.com`', 'ana@-', 'a\u202e@example.com'])('%j has none', (text) =>
    expect(links(text)).toEqual([]),
  )
})

test('www addresses open with https, and a single word is no address', () => {
  expect(links('www.example.com/a')).toEqual(['https://www.example.com/a'])
  expect(links('www.example')).toEqual([])
  expect(links('www.')).toEqual([])
})

test('only texts with characters of formats need the formatter', () => {
  for (const plain of ['Hello, world!', 'See https://example.com/a?b=c#d.', '1 - 2 > 0', 'a | b', 'Ana: (yes)', '>:(', '2026. A year', '👍']) expect(hasMarkup(plain)).toBe(false)
  for (const text of ['*a*', '`a`', '> a', '- a', '1. a', '||a||', '[a](https://b.c)', '~a~']) expect(hasMarkup(text)).toBe(true)
})

test('a preview that ends within a spoiler hides the rest', () => {
  const cut = `It ends well: ||${'secret '.repeat(40)}`.slice(0, 200)
  expect(visibleText(cut)).toBe('It ends well: ▒▒▒')
})

describe('links', () => {
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
    (text) => expect(toSegments(text).map((segment) => segment.text).join('')).toBe(text),
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
  const segments = toSegments(text, { ana: 'u1', bo: 'u2' })
  expect(segments.map((segment) => segment.text).join('')).toBe(text)
  expect(segments.filter((segment) => segment.mention)).toEqual([
    { text: '@Ana', mention: 'u1' },
    { text: '@bo', mention: 'u2' },
  ])
})

test('a handle that is also an object property is marked only if the server resolved it', () => {
  const marked = (mentions: Record<string, string>) =>
    toSegments('@ana and @constructor', mentions).flatMap((segment) => segment.mention ?? [])
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
  const segments = toSegments(text, { ana: 'u1' })
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
  ['`code` @an', 'an'],
  ['https://x.org/，@an', 'an'],
  ['www.x.org/?@an', null],
  ['\\@an', null],
  ['ana@an', null],
  ['@ana ', null],
])('after «%s» the mention being typed is %s', (before, typed) => {
  expect(mentionBeingTyped(before)).toBe(typed)
})
