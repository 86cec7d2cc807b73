/** Every sentence people see: `t()` looks it up, fills the gaps and picks the plural. Refuses unknown keys at compile time. */
import en from './en.json'

export type Key = keyof typeof en
type Params = Record<string, string | number>

export const language = 'en'
const plurals = new Intl.PluralRules(language)
const numbers = new Intl.NumberFormat(language)
const lists = new Intl.ListFormat(language, { type: 'conjunction' })

/** The sentence for `key`. Gaps `{name}` are filled from `params`; where there is a plural, `params.count` picks the form. */
export function t(key: Key, params: Params = {}): string {
  const entry: string | Record<string, string> = en[key]
  const text =
    typeof entry === 'string' ? entry : (entry[plurals.select(Number(params.count))] ?? entry.other ?? '')
  return text.replace(/\{(\w+)\}/g, (gap, name: string) => {
    const value = params[name]
    return value === undefined ? gap : typeof value === 'number' ? numbers.format(value) : value
  })
}

/** "Ana, Bo and Cy". */
export function list(names: string[]): string {
  return lists.format(names)
}
