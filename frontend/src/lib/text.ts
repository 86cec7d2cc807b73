/** Text functions: links, mentions, emoji-only texts, initials, and the colour of an id. */

export interface Segment {
  text: string
  href?: string
  /** The id of the mentioned member. */
  mention?: string
}

const LINK_PATTERN = String.raw`\bhttps?:\/\/[^\s<>"]+`
const LINK = new RegExp(LINK_PATTERN, 'gi')
const PAIRS: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** Split `text` into plain segments and http(s) links. Joined, the segments are `text` again. */
export function linkify(text: string): Segment[] {
  const segments: Segment[] = []
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const link = trimPunctuation(match[0])
    if (!URL.canParse(link)) continue
    if (match.index > end) segments.push({ text: text.slice(end, match.index) })
    segments.push({ text: link, href: link })
    end = match.index + link.length
  }
  if (end < text.length) segments.push({ text: text.slice(end) })
  return segments
}

// Must match `src/imchat/domain/mentions.py`: a mention is not part of a longer word, an address or a link. A match
// without a handle is a link that cannot be opened.
const HANDLE = new RegExp(String.raw`${LINK_PATTERN}|(?<![\w.@/])@([\w.]+)(?![\w.@])`, 'gi')

/** Split the plain segments at the handles in `mentions`. */
export function withMentions(segments: Segment[], mentions: Readonly<Record<string, string>> = {}): Segment[] {
  if (Object.keys(mentions).length === 0) return segments
  return segments.flatMap((segment) => (segment.href ? [segment] : mentionsIn(segment.text, mentions)))
}

function mentionsIn(text: string, mentions: Readonly<Record<string, string>>): Segment[] {
  const segments: Segment[] = []
  // A Map, because every object has a property "constructor".
  const known = new Map(Object.entries(mentions))
  let end = 0
  for (const match of text.matchAll(HANDLE)) {
    let handle = match[1] ?? ''
    // A full stop at the end of a sentence is not part of the handle.
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

const MENTION_AT_END = /(?:^|[^\w.@/])@([\w.]{0,30})$/
const LINK_AT_END = new RegExp(`${LINK_PATTERN}$`, 'i')

/** Return the text after an `@` at the end of `before`, in lowercase; null if no mention is being typed. */
export function mentionBeingTyped(before: string): string | null {
  const typed = MENTION_AT_END.exec(before)?.[1]?.toLowerCase() ?? null
  return typed === null || LINK_AT_END.test(before) ? null : typed
}

/** Remove punctuation after a link; a closing bracket stays if the link has the opening one. */
function trimPunctuation(link: string): string {
  const counts = new Map<string, number>()
  const count = (char: string): number => counts.get(char) ?? 0
  for (const char of link) counts.set(char, count(char) + 1)
  let end = link.length
  for (; ; end--) {
    const last = link[end - 1] ?? ''
    const opening = PAIRS[last]
    const isTrailing = opening ? count(opening) < count(last) : /[.,:;!?'*_~…’”»]/.test(last)
    if (!isTrailing) return link.slice(0, end)
    counts.set(last, count(last) - 1)
  }
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
