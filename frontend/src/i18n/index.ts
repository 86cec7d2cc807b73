/** Message catalogue: `t()` looks up a message, fills its placeholders and picks the plural form. Unknown keys do not compile. */
import en from './en.json'
import type signIn from './en.signIn.json'

export type Key = keyof typeof en | keyof typeof signIn
type Messages = Record<string, string | Record<string, string>>

/** The messages of a start, and those that load later. */
const messages: Messages = { ...en }
type Params = Record<string, string | number>

export const language = 'en'
const plurals = new Intl.PluralRules(language)
const numbers = new Intl.NumberFormat(language)
const lists = new Intl.ListFormat(language, { type: 'conjunction' })

/** Add messages that are not in the catalogue of a start, because few pages need them. */
export function addMessages(later: Messages): void {
  Object.assign(messages, later)
}

/** Return the message for `key`. `params` fills placeholders like `{name}`; `params.count` picks the plural form. */
export function t(key: Key, params: Params = {}): string {
  const entry = messages[key] ?? key
  const text =
    typeof entry === 'string' ? entry : (entry[plurals.select(Number(params.count))] ?? entry.other ?? '')
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = params[name]
    return value === undefined ? placeholder : typeof value === 'number' ? numbers.format(value) : isolate(value)
  })
}

/** "Ana, Bo and Cy". */
export function list(names: string[]): string {
  return lists.format(names.map(isolate))
}

/** Letters that are written from right to left, and the characters that control the direction. */
const OTHER_DIRECTION = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\p{Script=Samaritan}\p{Script=Mandaic}\p{Bidi_Control}]/u
const ISOLATES = /[\u2066-\u2069]/g

/** Isolate a name or title, so that its direction does not change the order of the sentence around it. */
function isolate(value: string): string {
  return OTHER_DIRECTION.test(value) ? `\u2068${hasBalancedIsolates(value) ? value : value.replace(ISOLATES, '')}\u2069` : value
}

/** Whether each isolate ends within the text, as in a list of isolated names. Another one would end the isolate around it. */
function hasBalancedIsolates(value: string): boolean {
  let depth = 0
  for (const [char] of value.matchAll(ISOLATES)) {
    depth += char === '\u2069' ? -1 : 1
    if (depth < 0) return false
  }
  return depth === 0
}
