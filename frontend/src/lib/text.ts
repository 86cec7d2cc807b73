/** Text functions: links, mentions, emoji-only texts, initials, and the colour of an id. */

export interface Code {
  block: boolean
  /** The word after the opening backticks of a block; empty if there is none. */
  language: string
  text: string
}

/** A part of a message body. Joined, the `text`s of the segments are the body again. */
export interface Segment {
  text: string
  href?: string
  /** The id of the mentioned member. */
  mention?: string
  code?: Code
  /** The character after a backslash, which marks no format. */
  escaped?: string
}

// Must match `src/imchat/domain/message_text.py`: what is code or a link mentions no one. Tested by
// `frontend/test/lib/message-text-cases.json` in both languages. Without the `i` flag, which with `u` adds characters
// such as the long s to the letters of ASCII.
const WEB = String.raw`(?<![A-Za-z0-9])[hH][tT]{2}[pP][sS]?:\/\/|(?<![A-Za-z0-9.@\/-])[wW]{3}\.(?=[\p{L}\p{N}])`
const EMAIL = String.raw`(?<![\w.+-])[\w.+-]{0,63}\w@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}(?![\w@-])`
const TOKEN = new RegExp(
  String.raw`(?<ticks>${'`'}+)|(?<escape>\\[!-\/:-@[-${'`'}{-~])|(?<web>${WEB})|(?<email>${EMAIL})|(?<![\w.@\/])@(?<handle>[\w.]+)(?![\w.@])`,
  'gu',
)

/** Split a body into plain text, code, links, escaped characters and the mentions of the handles in `mentions`. */
export function toSegments(text: string, mentions: Readonly<Record<string, string>> = {}): Segment[] {
  const segments: Segment[] = []
  // A Map, because every object has a property "constructor".
  const known = new Map(Object.entries(mentions))
  const runs = new BacktickRuns(text)
  let done = 0
  const add = (start: number, end: number, fields: Omit<Segment, 'text'>): void => {
    if (start > done) segments.push({ text: text.slice(done, start) })
    segments.push({ text: text.slice(start, end), ...fields })
    done = end
  }
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const { index, groups = {} } = match
    const { ticks, escape, web, email } = groups
    if (ticks) {
      const end = runs.codeEnd(TOKEN.lastIndex, ticks.length)
      if (end === null) continue
      add(index, end, { code: codeAt(text, index, end, ticks.length) })
      TOKEN.lastIndex = end
    } else if (escape) {
      // People write the backslash of a shrug, ¯\_(ツ)_/¯, to see it.
      add(index, TOKEN.lastIndex, { escaped: text[index - 1] === '¯' ? escape : escape.slice(1) })
    } else if (web) {
      const end = linkEnd(text, index, TOKEN.lastIndex)
      const href = webAddress(text.slice(index, end))
      TOKEN.lastIndex = end
      if (href) add(index, end, { href })
    } else if (email) {
      add(index, TOKEN.lastIndex, { href: `mailto:${email}` })
    } else {
      let handle = groups.handle ?? ''
      // A full stop at the end of a sentence is not part of the handle.
      while (handle.endsWith('.') && !known.has(handle.toLowerCase())) handle = handle.slice(0, -1)
      const mention = known.get(handle.toLowerCase())
      if (mention) add(index, index + 1 + handle.length, { mention })
    }
  }
  if (done < text.length) segments.push({ text: text.slice(done) })
  return segments
}

/** The runs of backticks in a text. Code ends at the next run of the same length: one or two must be on the same line. */
class BacktickRuns {
  /** The positions after which each length of run follows, the first of them last. */
  private byLength: Map<number, number[]> | null = null
  private newline = -1

  constructor(private readonly text: string) {}

  /** Return the end of the code that begins at `from`, after `length` backticks; null if it has no end. Ask in order. */
  codeEnd(from: number, length: number): number | null {
    const starts = this.positions().get(length) ?? []
    while ((starts.at(-1) ?? from) < from) starts.pop()
    const start = starts.at(-1)
    if (start === undefined) return null
    if (length < 3 && this.nextNewline(from) < start) return null
    return start + length
  }

  private positions(): Map<number, number[]> {
    if (this.byLength) return this.byLength
    this.byLength = new Map()
    for (const { index, 0: run } of [...this.text.matchAll(/`+/g)].toReversed()) {
      const positions = this.byLength.get(run.length)
      if (positions) positions.push(index)
      else this.byLength.set(run.length, [index])
    }
    return this.byLength
  }

  private nextNewline(from: number): number {
    if (this.newline < from) this.newline = this.text.indexOf('\n', from)
    if (this.newline < 0) this.newline = Infinity
    return this.newline
  }
}

const QUOTE_PREFIX = /^ {0,3}>+ ?/

function codeAt(text: string, start: number, end: number, ticks: number): Code {
  let inner = text.slice(start + ticks, end - ticks)
  if (ticks < 3) {
    const padded = inner.startsWith(' ') && inner.endsWith(' ') && inner.trim() !== ''
    return { block: false, language: '', text: padded ? inner.slice(1, -1) : inner }
  }
  // Each line of a block in a quote begins with the quote's sign, which is no part of the code.
  if (QUOTE_PREFIX.test(text.slice(text.lastIndexOf('\n', start) + 1, start))) {
    inner = inner.split('\n').map((line, number) => (number > 0 ? line.replace(QUOTE_PREFIX, '') : line)).join('\n')
  }
  const language = /^[\w+#.-]{1,32}(?=[ \t]*\n)/.exec(inner)?.[0] ?? ''
  const code = inner.slice(language.length).replace(/^[ \t]*\n/, '').replace(/\n[ \t]*$/, '')
  return { block: true, language, text: code }
}

// Of other scripts only letters, marks and digits: no punctuation, bracket, blank or bidi control. The two joiners are
// part of words in Persian and the languages of India.
const LINK_CHAR = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=%{}]|(?![\0-\x7F])[\p{L}\p{M}\p{N}\u200C\u200D])$/u
const CLOSERS: Record<string, string> = { '(': ')', '[': ']', '{': '}' }
const AFTER_LINK = /[.,:;!?'*_~([{\u200C\u200D]/

/** Return the end of the link whose scheme or "www." ends at `from`: before punctuation, or a bracket opened outside it. */
function linkEnd(text: string, link: number, from: number): number {
  const open: Record<string, number> = { ')': 0, ']': 0, '}': 0 }
  let end = from
  for (const char of text.slice(from)) {
    if (!LINK_CHAR.test(char)) break
    // Two of them begin or end a format.
    if ((char === '*' || char === '~') && text[end + 1] === char) break
    const closer = CLOSERS[char]
    if (closer) open[closer] = (open[closer] ?? 0) + 1
    const opened = open[char]
    if (opened === 0) break
    if (opened !== undefined) open[char] = opened - 1
    end += char.length
  }
  // The brackets of a link with a label show where it ends.
  if (text[end] === ')' && text.slice(Math.max(link - 2, 0), link) === '](') return end
  while (end > from && AFTER_LINK.test(text[end - 1] ?? '')) end--
  return end
}

/** Return the address that a link opens; null if it is none, such as "https://" or "www.example". */
function webAddress(link: string): string | null {
  const href = /^www\./i.test(link) ? `https://${link}` : link
  if (href !== link && !/^www\.[^/?#:.]+\.[^/?#:.]/i.test(link)) return null
  return URL.canParse(href) ? href : null
}

const MENTION_AT_END = /(?:^|[^\w.@/\\])@([\w.]{0,30})$/

/** Return the text after an `@` at the end of `before`, in lowercase; null if no mention is being typed. */
export function mentionBeingTyped(before: string): string | null {
  const typed = MENTION_AT_END.exec(before)?.[1]?.toLowerCase()
  if (typed === undefined) return null
  // A complete handle in its place is found only outside of links.
  const body = `${before.slice(0, before.length - typed.length)}aaa`
  return toSegments(body, { aaa: 'a' }).at(-1)?.mention ? typed : null
}

const EMOJI = String.raw`\p{Extended_Pictographic}(?:\p{EMod}|\uFE0F)?[\u{E0020}-\u{E007F}]*`
const EMOJI_ONLY = new RegExp(String.raw`^\s*(?:(?:\p{RI}\p{RI}|${EMOJI}(?:\u200D${EMOJI})*)\s*){1,3}$`, 'u')

/** Whether `text` is one to three emoji and nothing else: shown larger. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= 64 && EMOJI_ONLY.test(text)
}

/** "Ana Maria Silva" → "AS"; "ana" → "A". */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const first = words[0]
  const last = words.length > 1 ? words.at(-1) : undefined
  return [first, last].map((word) => word?.match(/[\p{L}\p{N}]/u)?.[0] ?? '').join('').toLocaleUpperCase()
}

export const TONES = 8

/** Return a tone from 0 to 7: the same for an id on every device. */
export function tone(id: string): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0
  return ((hash ^ (hash >>> 15)) >>> 0) % TONES
}
