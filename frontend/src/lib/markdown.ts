/**
 * The formats of a message body, as nodes: loaded when the first body with a format is shown.
 *
 * The lines of quotes and lists are found here, because in a chat they end with the line: in Markdown the next line would
 * belong to them. Formats within a text are found by the lexer of `marked`. Before that, code, links and mentions are
 * replaced by numbers (`mask`), so that they are the same as in an unformatted text and on the server.
 */
import { Lexer, type Token, Tokenizer, type Tokens } from 'marked'
import { type Segment, toSegments } from './text'
import { ATOM, mask } from './visibleText'

export type Node = string | Segment | { type: 'strong' | 'em' | 'del' | 'spoiler'; children: Node[] } | { type: 'link'; href: string; children: Node[] }
export type Block =
  | { type: 'text'; children: Node[] }
  | { type: 'quote'; blocks: Block[] }
  | { type: 'list'; start: number | null; items: Block[][] }

/** Quotes and lists within each other; deeper ones stay text. */
const MAX_DEPTH = 4
/** A body with more of these characters is no text that a person formatted: it stays plain, in bounded time. */
const MAX_MARKS = 400
const MARKS = /[*_~|[\]]/g

const QUOTED_LINE = /^ {0,3}>(?: |$|(?=>+(?: |$)))/
const QUOTED_REST = /^ {0,3}>>> /
const ITEM = /^( *)(?:[-*]|(\d{1,3})\.) +(?=\S)/

/** Return the blocks of a body; null if it has too many marks to be formatted. */
export function parse(body: string, mentions?: Readonly<Record<string, string>>): Block[] | null {
  const segments = toSegments(body, mentions)
  const masked = mask(segments)
  if ((masked.match(MARKS)?.length ?? 0) > MAX_MARKS) return null
  return blocksOf(masked.split('\n'), segments, 0)
}

function blocksOf(lines: readonly string[], segments: readonly Segment[], depth: number): Block[] {
  const blocks: Block[] = []
  let text: string[] = []
  const endText = (): void => {
    // The break before a quote, a list or a block of code is the block's own.
    if (text.length > 0) blocks.push({ type: 'text', children: inline(text.join('\n'), segments) })
    text = []
  }
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? ''
    const item = depth < MAX_DEPTH ? ITEM.exec(line) : null
    if (depth < MAX_DEPTH && QUOTED_REST.test(line)) {
      endText()
      blocks.push({ type: 'quote', blocks: blocksOf([line.replace(QUOTED_REST, ''), ...lines.slice(i + 1)], segments, depth + 1) })
      i = lines.length
    } else if (depth < MAX_DEPTH && QUOTED_LINE.test(line)) {
      const quoted: string[] = []
      for (; i < lines.length && QUOTED_LINE.test(lines[i] ?? ''); i++) quoted.push((lines[i] ?? '').replace(QUOTED_LINE, ''))
      endText()
      blocks.push({ type: 'quote', blocks: blocksOf(quoted, segments, depth + 1) })
    } else if (item) {
      endText()
      const list = listAt(lines, i, item)
      i += list.lines
      blocks.push({ type: 'list', start: list.start, items: list.items.map((each) => blocksOf(each, segments, depth + 1)) })
    } else {
      text.push(line)
      i++
    }
  }
  endText()
  return blocks
}

/** Collect the lines of a list: those of the same kind of item, and the indented ones below each. */
function listAt(lines: readonly string[], from: number, first: RegExpExecArray): { start: number | null; items: string[][]; lines: number } {
  const indent = first[1]?.length ?? 0
  const ordered = first[2] !== undefined
  const items: string[][] = []
  let at = from
  for (; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const item = ITEM.exec(line)
    const own = line.search(/[^ ]/)
    if (own > indent + 1 && items.length > 0) items.at(-1)?.push(line.slice(Math.min(own, indent + 2)))
    else if (item && (item[2] !== undefined) === ordered) items.push([line.slice(item[0].length)])
    else break
  }
  return { start: ordered ? Number(first[2]) : null, items, lines: at - from }
}

/** Only emphasis, strikethrough and links: the other rules of Markdown change what people write in a chat. */
class Inline extends Tokenizer {
  override escape = (): undefined => undefined
  override tag = (): undefined => undefined
  override reflink = (): undefined => undefined
  override codespan = (): undefined => undefined
  override br = (): undefined => undefined
  override autolink = (): undefined => undefined
  override url = (): undefined => undefined

  /** Unlike Markdown: neither `2*3*4` nor `__init__` has emphasis. Languages without spaces need `*` within words. */
  override emStrong(source: string, masked: string, before = ''): Tokens.Em | Tokens.Strong | undefined {
    if (/\w/.test(before) && /^\*(?!\*)/.test(source)) return undefined
    const isDouble = source.startsWith('__') || (source.startsWith('_') && masked.at(-source.length - 1) === '_')
    return isDouble ? undefined : super.emStrong(source, masked, before)
  }
}

const SPOILER = /^\|\|((?:(?!\|\|)[^])+)\|\|/

function inline(text: string, segments: readonly Segment[]): Node[] {
  const tokens = Lexer.lexInline(text, {
    gfm: true,
    tokenizer: new Inline(),
    extensions: {
      renderers: {},
      childTokens: {},
      startInline: [(source) => source.indexOf('||')],
      inline: [
        function spoiler(source) {
          const match = SPOILER.exec(source)
          return match?.[1] ? { type: 'spoiler', raw: match[0], tokens: this.lexer.inlineTokens(match[1]) } : undefined
        },
      ],
    },
  })
  return tokens.flatMap((token) => toNodes(token, segments))
}

function toNodes(token: Token, segments: readonly Segment[]): Node[] {
  const children = (): Node[] => ((token as Tokens.Generic).tokens ?? []).flatMap((each) => toNodes(each, segments))
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
    case 'spoiler':
      return [{ type: token.type, children: children() }]
    case 'link': {
      const link: Node = { type: 'link', href: targetOf((token as Tokens.Link).href, segments) ?? '', children: children() }
      return link.href && isLabel(link.children) ? [link] : unmask(token.raw, segments)
    }
    default:
      return unmask(token.raw, segments)
  }
}

/** Return the address of a link with a label: one that is a link in plain text too, so http, https or mailto. */
function targetOf(masked: string, segments: readonly Segment[]): string | undefined {
  const atom = ATOM.exec(masked)
  return atom?.[0] === masked ? segments[Number(atom[1])]?.href : undefined
}

/** Whether a link may have this label. One that looks like another address stays text, with both addresses in sight. */
function isLabel(nodes: Node[]): boolean {
  const text = textOf(nodes)
  return text.trim() !== '' && !/[\p{L}\p{N}]\.\p{L}{2}|:\/\/|@[\w-]+\./u.test(text)
}

function textOf(nodes: Node[]): string {
  return nodes.map((node) => (typeof node === 'string' ? node : 'children' in node ? textOf(node.children) : (node.code?.text ?? node.text))).join('')
}

function unmask(text: string, segments: readonly Segment[]): Node[] {
  // With the group, every other part is a number.
  return text.split(ATOM).flatMap((part, i): Node[] => {
    if (i % 2 === 0) return part ? [part] : []
    const segment = segments[Number(part)]
    return segment ? [segment.escaped ?? segment] : []
  })
}
