/** Message bodies as plain text, for previews: without the characters that mark formats, and with spoilers hidden. */
import { type Segment, toSegments } from './text'

export const HIDDEN = '▒▒▒'
/** A preview needs no more than this. */
const MAX_CHARS = 500
/** The list's bodies are cut to 200 characters: the end of a spoiler can be missing. */
const MAYBE_CUT_CHARS = 200

/** A segment in a masked text: two characters that no text has, and its number between them. */
export const ATOM = /\uFDD0(\d+)\uFDD1/

/** Replace what has no formats inside by its number, so that only plain text and the characters of formats are left. */
export function mask(segments: readonly Segment[]): string {
  return segments
    .map(({ text, href, mention, code, escaped }, index) =>
      href || mention || code || escaped ? `\uFDD0${index}\uFDD1` : text.replace(/[\uFDD0-\uFDDF]/g, '\uFFFD'),
    )
    .join('')
}

/** Whether a message needs the formatter: most have none of these characters. */
export function hasMarkup(text: string): boolean {
  return /[*_~`\\]|\|\||\]\(|^ {0,3}(?:>+(?: |$)|(?:-|\d{1,3}\.) +\S)/m.test(text)
}

// The same rules as in `src/imchat/domain/message_text.py`.
const SPOILER = /\|\|((?:(?!\|\|)[^])+)\|\|/g
const LINK = /(?<!!)\[([^[\]]+)\]\(<?\uFDD0(\d+)\uFDD1>?(?: "[^"\n]*")?\)/g
const LINE_PREFIX = /^ {0,3}>+(?: |$)/gm
const PAIRS = [
  /\*\*(?=\S)((?:(?!\*\*)[^])+)(?<=\S)\*\*/g,
  /~~(?=\S)((?:(?!~~)[^])+)(?<=\S)~~/g,
  /(?<![*\w])\*(?=[^\s*])([^*]+)(?<=[^\s*])\*(?!\*)/g,
  /(?<![\p{L}\p{N}_])_(?=[^\s_])([^_]+)(?<=[^\s_])_(?![\p{L}\p{N}_])/gu,
  /(?<![~\p{L}\p{N}])~(?=[^\s~])([^~]+)(?<=[^\s~])~(?![~\p{L}\p{N}])/gu,
]

/** Return the visible text of a body: all of a short one, the beginning of a long one. */
export function visibleText(body: string): string {
  const start = body.slice(0, MAX_CHARS)
  if (!hasMarkup(start)) return start
  const segments = toSegments(start)
  let text = mask(segments).replace(SPOILER, HIDDEN)
  if (body.length >= MAYBE_CUT_CHARS) text = text.replace(/\|\|[^]*$/, HIDDEN).replace(/```[^]*$/, (code) => code.slice(3))
  text = text.replace(LINK, (link, label: string, index: string) => (segments[Number(index)]?.href ? label : link))
  text = text.replace(LINE_PREFIX, '')
  // The mark keeps the characters around a format apart until all formats are found.
  for (const pair of PAIRS) text = text.replace(pair, '\uFDD2$1\uFDD2')
  return text.replaceAll('\uFDD2', '').replace(new RegExp(ATOM, 'g'), (_, index: string) => {
    const segment = segments[Number(index)]
    return segment?.code?.text ?? segment?.escaped ?? segment?.text ?? ''
  })
}
