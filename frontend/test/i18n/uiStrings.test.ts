import { expect, test } from 'vitest'
import { findUiStrings } from '../support/uiStrings'

const sources = import.meta.glob<string>('../../src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })

test('all user-visible strings are in the message catalogue', () => {
  expect(Object.keys(sources).length).toBeGreaterThan(80)
  const found = Object.entries(sources).flatMap(([path, source]) =>
    findUiStrings(source, path.endsWith('x') ? 'tsx' : 'ts').map((text) => `${path.replace('../../', '')}:${text}`),
  )
  expect(found).toEqual([])
})

test.each([
  ['<p>Hello {name}</p>', ['1: Hello']],
  ['<p>\n  {open ? "Close" : t("menu.open")}\n</p>', ['2: Close']],
  ['<p>{name || `No ${kind}`}</p>', ['1: No']],
  ['<button aria-label="Close" title={busy ? "Wait" : undefined} />', ['1: Close', '1: Wait']],
  ['<><img alt="A map" /><input placeholder="Search" /></>', ['1: A map', '1: Search']],
  ['fail({ code: "invalid", message: "Enter a name." })', ['1: Enter a name.']],
  ['announce("Saved")', ['1: Saved']],
])('finds the literals in %j', (source, texts) => {
  expect(findUiStrings(source)).toEqual(texts)
})

test.each(['<p class="lead" dir="auto">{t("app.name")} · {count}</p>', '<Icon name="close" />', 'const frame = { action: "ping", path: "/me" }', '<p>{kind === "group" && t("menu.react")}</p>'])(
  'finds no literals in %j',
  (source) => expect(findUiStrings(source)).toEqual([]),
)
