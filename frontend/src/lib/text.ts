/** What can be told from a text alone: links in it, whether it is only emoji, initials of a name, the tone of an id. */

export interface Segment {
  text: string
  href?: string
  /** The id of the member whose handle this is. */
  mention?: string
}

const LINK = /\bhttps?:\/\/[^\s<>"]+/gi
const PAIRS: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** Cut `text` into plain pieces and http(s) links. Joined, the pieces are `text` again, to the character. */
export function linkify(text: string): Segment[] {
  const segments: Segment[] = []
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0])
    if (!URL.canParse(link)) continue
    if (match.index > end) segments.push({ text: text.slice(end, match.index) })
    segments.push({ text: link, href: link })
    end = match.index + link.length
  }
  if (end < text.length) segments.push({ text: text.slice(end) })
  return segments
}

// As `src/imchat/domain/mentions.py` has it: only what can stand in a handle, an address or a link binds.
const HANDLE = /(?<![\w.@/])@([\w.]+)(?![\w.@])/g

/** The same pieces, with the handles that `mentions` knows cut out of the plain ones. */
export function withMentions(segments: Segment[], mentions: Readonly<Record<string, string>> = {}): Segment[] {
  if (Object.keys(mentions).length === 0) return segments
  return segments.flatMap((segment) => (segment.href ? [segment] : mentionsIn(segment.text, mentions)))
}

function mentionsIn(text: string, mentions: Readonly<Record<string, string>>): Segment[] {
  const segments: Segment[] = []
  // Not by mentions[…], for which every object has a "constructor".
  const known = new Map(Object.entries(mentions))
  let end = 0
  for (const match of text.matchAll(HANDLE)) {
    let handle = match[1] ?? ''
    // The full stop that ends a sentence is no part of a handle.
    while (handle.endsWith('.') && !known.has(handle.toLowerCase())) handle = handle.slice(0, -1)
    const mention = known.get(handle.toLowerCase())
    if (!mention) continue
    if (match.index > end) segments.push({ text: text.slice(end, match.index) })
    end = match.index + 1 + handle.length
    segments.push({ text: `@${handle}`, mention })
  }
  if (end < text.length) segments.push({ text: text.slice(end) })
  return segments
}

const STARTED = /(?:^|[^\w.@/])@([\w.]{0,30})$/

/** What stands after the `@` that is being typed at the end of `before`; null where none is. */
export function mentionBeingTyped(before: string): string | null {
  return STARTED.exec(before)?.[1]?.toLowerCase() ?? null
}

/** Without the punctuation that ends the sentence around a link; a closing bracket stays if it was opened inside. */
function trimmed(link: string): string {
  const counts = new Map<string, number>()
  const count = (char: string): number => counts.get(char) ?? 0
  for (const char of link) counts.set(char, count(char) + 1)
  let end = link.length
  for (; ; end--) {
    const last = link[end - 1] ?? ''
    const opening = PAIRS[last]
    const loose = opening ? count(opening) < count(last) : /[.,:;!?'*_~…’”»]/.test(last)
    if (!loose) return link.slice(0, end)
    counts.set(last, count(last) - 1)
  }
}

const PICTURE = String.raw`\p{Extended_Pictographic}(?:\p{EMod}|\uFE0F)?[\u{E0020}-\u{E007F}]*`
const EMOJI_ONLY = new RegExp(String.raw`^\s*(?:(?:\p{RI}\p{RI}|${PICTURE}(?:\u200D${PICTURE})*)\s*){1,3}$`, 'u')

/** One to three emoji and nothing else: shown larger. */
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

/** The same tone, 0 to 7, for the same id, on every device. */
export function tone(id: string): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0
  return ((hash ^ (hash >>> 15)) >>> 0) % TONES
}

/** How many characters the server counts: code points. */
export function charCount(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** How many bytes the server stores: UTF-8. */
export function byteCount(text: string): number {
  return new TextEncoder().encode(text).length
}
