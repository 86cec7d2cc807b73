/** Message catalogue: `t()` looks up a message, fills its placeholders and picks the plural form. Unknown keys do not compile. */
import en from './en.json'

export type Key = keyof typeof en
type Params = Record<string, string | number>

export const language = 'en'
const plurals = new Intl.PluralRules(language)
const numbers = new Intl.NumberFormat(language)
const lists = new Intl.ListFormat(language, { type: 'conjunction' })

/** Return the message for `key`. `params` fills placeholders like `{name}`; `params.count` picks the plural form. */
export function t(key: Key, params: Params = {}): string {
  const entry: string | Record<string, string> = en[key]
  const text =
    typeof entry === 'string' ? entry : (entry[plurals.select(Number(params.count))] ?? entry.other ?? '')
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = params[name]
    return value === undefined ? placeholder : typeof value === 'number' ? numbers.format(value) : value
  })
}

/** "Ana, Bo and Cy". */
export function list(names: string[]): string {
  return lists.format(names)
}
