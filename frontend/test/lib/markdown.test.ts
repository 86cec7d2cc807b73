import { describe, expect, test, vi } from 'vitest'
import { type Block, type Node, parse } from '../../src/lib/markdown'
import { hasMarkup, visibleText } from '../../src/lib/visibleText'
import cases from './message-text-cases.json'

/** Write nodes as text with the names of the formats, for comparison. */
function show(nodes: Node[]): string {
  return nodes
    .map((node) => {
      if (typeof node === 'string') return node
      if ('children' in node) return node.type === 'link' ? `link ${node.href}(${show(node.children)})` : `${node.type}(${show(node.children)})`
      if (node.code) return node.code.block ? `block ${node.code.language}(${node.code.text})` : `code(${node.code.text})`
      if (node.href) return `<${node.href}>`
      return node.mention ? `@(${node.text})` : node.text
    })
    .join('')
}

function showBlocks(blocks: Block[] | null): string {
  if (!blocks) return 'plain'
  return blocks
    .map((block) => {
      if (block.type === 'text') return show(block.children)
      if (block.type === 'quote') return `quote(${showBlocks(block.blocks)})`
      return `list ${block.start ?? '-'}(${block.items.map(showBlocks).join('; ')})`
    })
    .join('|')
}

const formatted = (text: string) => showBlocks(parse(text, { ann: 'a' }))

describe('formats', () => {
  test.each([
    ['**a** and **b**', 'strong(a) and strong(b)'],
    ['*a* and _b_', 'em(a) and em(b)'],
    ['~~a~~ and ~b~', 'del(a) and del(b)'],
    ['***a***', 'em(strong(a))'],
    ['**a *b* ~~c~~**', 'strong(a em(b) del(c))'],
    ['||a **b**||', 'spoiler(a strong(b))'],
    ['**||a||**', 'strong(spoiler(a))'],
    ['`**a**`', 'code(**a**)'],
    ['**`a`**', 'strong(code(a))'],
    ['a ```ts\nlet a```', 'a block ts(let a)'],
    ['> a\n> **b**\nc', 'quote(a\nstrong(b))|c'],
    ['> > a\n> b', 'quote(quote(a)|b)'],
    ['>>> a\n- b', 'quote(a|list -(b))'],
    ['> ```\n> a\n> ```', 'quote(block (a))'],
    ['- a\n- *b*\nc', 'list -(a; em(b))|c'],
    ['- a\n  - b\n    c\n- d', 'list -(a|list -(b\nc); d)'],
    ['* a\n* b', 'list -(a; b)'],
    ['3. a\n4. b', 'list 3(a; b)'],
    ['- a\n1. b', 'list -(a)|list 1(b)'],
    ['a\n2. b', 'a|list 2(b)'],
    ['- ```\n  a\n  ```', 'list -(block (  a))'],
    ['[a **b**](https://example.com/c_)', 'link https://example.com/c_(a strong(b))'],
    ['[a](www.example.com)', 'link https://www.example.com(a)'],
    ['[a](ana@example.com)', 'link mailto:ana@example.com(a)'],
    ['[a](<https://example.com> "title")', 'link https://example.com(a)'],
    ['**@ann** `@ann`', 'strong(@(@ann)) code(@ann)'],
    ['[@ann](https://example.com)', 'link https://example.com(@(@ann))'],
    ['**https://example.com/a_b_**', 'strong(<https://example.com/a_b>_)'],
    ['https://example.com/*a*b*', '<https://example.com/*a*b>*'],
    ['这是*重点*内容', '这是em(重点)内容'],
    ['\\*a\\* \\||b||', '*a* ||b||'],
    ['¯\\_(ツ)_/¯', '¯\\_(ツ)_/¯'],
  ])('%j is %s', (text, expected) => expect(formatted(text)).toBe(expected))

  test.each([
    '# a', '---', '    a', '<b>a</b>', '&amp;', '| a | b |', 'a  \nb', '![a](b)', '[a]: b', 'a\n===', '2*3*4', '2 * 3 * 4', 'snake_case_a', '__init__.py', '__a__', '___a___', '+ 5', '2026. a',
    '-5', '>_<', '>:(', 'a || b', '****', '\n\na\n\n\nb ', '\ta', '[a][b]', '[](https)',
  ])('%j stays as it is', (text) => expect(formatted(text)).toBe(text))
})

describe('targets of links', () => {
  test.each([
    'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'blob:x', '//example.com', '/a', '#a',
    '\u0001javascript:x', 'javascript&colon;x', 'https:x', 'ftp://example.com', 'imchat:x', 'javascript:https://example.com', 'x https://example.com', 'https://a.b https://c.d',
  ])('%j is none', (target) => {
    expect(formatted(`[a](${target})`)).not.toContain('link ')
    expect(formatted(`[a](<${target}>)`)).not.toContain('link ')
  })
  test('a label that looks like another address shows both', () => {
    expect(formatted('[bank.example](https://evil.example)')).toBe('[bank.example](<https://evil.example>)')
    expect(formatted('[https://bank.example](https://evil.example)')).toBe('[<https://bank.example>](<https://evil.example>)')
    expect(formatted('[ana@bank.example](https://evil.example)')).not.toContain('link ')
    expect(formatted('[**bank**.example](https://evil.example)')).not.toContain('link ')
  })
})

/** The text of the nodes, without marks. */
const textOf = (nodes: Node[]): string =>
  nodes.map((node) => (typeof node === 'string' ? node : 'children' in node ? (node.type === 'spoiler' ? '▒▒▒' : textOf(node.children)) : (node.code?.text ?? node.text))).join('')

test('the preview of a text in one line is what the message shows', () => {
  for (const [text] of cases.visible as [string, string][]) {
    const blocks = parse(text)
    if (/\n|^(?:- |>|\d\.)|\ufdd0/.test(text) || !blocks) continue
    expect(blocks.map((block) => (block.type === 'text' ? textOf(block.children) : '')).join('')).toBe(visibleText(text))
  }
})

test('a body without formats does not need the lexer', () => {
  expect(hasMarkup('See https://example.com/a, @ann!')).toBe(false)
})

describe('hostile bodies', () => {
  const bodies: Record<string, string> = {
    asterisks: '*'.repeat(10_000),
    underscores: '_'.repeat(10_000),
    'quotes in quotes': '> '.repeat(5_000),
    'quote signs': `${'>'.repeat(9_000)} a`,
    'lists in lists': '- '.repeat(5_000),
    'indented lists': Array.from({ length: 100 }, (_, i) => `${' '.repeat(2 * i)}- a`).join('\n'),
    brackets: '['.repeat(10_000),
    links: '[a]('.repeat(2_500),
    spoilers: '||a'.repeat(3_000),
    backticks: '`'.repeat(10_000),
    'backticks of all lengths': Array.from({ length: 130 }, (_, i) => '`'.repeat(i + 1)).join(' '),
    'unclosed emphasis': '*a '.repeat(130) + 'b'.repeat(7_000),
    'mixed marks': '**_a '.repeat(130) + 'b'.repeat(7_000),
    'as many marks as allowed': '*'.repeat(200) + 'a'.repeat(7_000) + '*'.repeat(200),
    newlines: '\n'.repeat(10_000),
    'quoted lines': '> a\n'.repeat(2_500),
  }
  test.each(Object.entries(bodies))('%s are formatted, or stay plain, in bounded steps', (_, body) => {
    const steps = vi.spyOn(RegExp.prototype, 'exec')
    const blocks = parse(body)
    expect(steps.mock.calls.length).toBeLessThan(20 * body.length)
    steps.mockRestore()
    expect(depthOf(blocks ?? [])).toBeLessThanOrEqual(5)
  })
  test('a body with too many marks stays plain', () => {
    expect(parse('*'.repeat(401))).toBeNull()
    expect(parse(`\`${'*'.repeat(1_000)}\``)).not.toBeNull()
  })
  const depthOf = (blocks: Block[]): number =>
    1 + Math.max(0, ...blocks.map((b) => (b.type === 'quote' ? depthOf(b.blocks) : b.type === 'list' ? Math.max(...b.items.map(depthOf)) : 0)))
})
