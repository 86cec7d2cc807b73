/** Finds user-visible string literals in a module: they belong in `src/i18n/en.json`. */
import { parseAst } from 'vite'
import en from '../../src/i18n/en.json'
import signIn from '../../src/i18n/en.signIn.json'

interface Node {
  type: string
  start: number
  [property: string]: unknown
}

/** Properties of objects and components whose values are shown or read to the user. */
const TEXT_PROPERTIES = new Set(['ariaLabel', 'cancelLabel', 'error', 'hint', 'label', 'lead', 'legend', 'message', 'question', 'text', 'title'])
const TEXT_ATTRIBUTES = new Set([
  ...TEXT_PROPERTIES, 'action', 'alt', 'aria-description', 'aria-label', 'aria-placeholder', 'aria-roledescription', 'aria-valuetext', 'placeholder',
])
/** Functions whose first argument is shown or read to the user. */
const TEXT_FUNCTIONS = new Set(['announce', 'notify'])

/** Return each user-visible literal as "line: text"; keys of the catalogue are not literals. `lang`: the file's extension. */
export function findUiStrings(source: string, lang: 'ts' | 'tsx' = 'tsx'): string[] {
  const found: string[] = []
  const report = (node: unknown): void => {
    for (const { text, start } of literalsIn(node)) {
      if (/\p{L}/u.test(text) && !(text in en) && !(text in signIn)) found.push(`${source.slice(0, start).split('\n').length}: ${text.trim()}`)
    }
  }
  visit(parseAst(source, { lang }) as unknown as Node, (node) => {
    if (node.type === 'JSXElement' || node.type === 'JSXFragment') for (const child of node.children as Node[]) report(child)
    if (node.type === 'JSXAttribute' && TEXT_ATTRIBUTES.has((node.name as Node).name as string)) report(node.value)
    if (node.type === 'Property' && TEXT_PROPERTIES.has(((node.key as Node).name ?? (node.key as Node).value) as string)) report(node.value)
    if (node.type === 'CallExpression' && TEXT_FUNCTIONS.has((node.callee as Node).name as string)) report((node.arguments as Node[])[0])
  })
  return found
}

/** Return the string literals that `node` can evaluate to. */
function literalsIn(node: unknown): { text: string; start: number }[] {
  if (!isNode(node)) return []
  const { type, start } = node
  switch (type) {
    case 'JSXText':
    case 'Literal':
      return typeof node.value === 'string' ? [{ text: node.value, start }] : []
    case 'TemplateLiteral':
      return (node.quasis as Node[]).map((quasi) => ({ text: (quasi.value as { raw: string }).raw, start: quasi.start }))
    case 'JSXExpressionContainer':
      return literalsIn(node.expression)
    case 'ConditionalExpression':
      return [...literalsIn(node.consequent), ...literalsIn(node.alternate)]
    case 'LogicalExpression':
      return [...(node.operator === '&&' ? [] : literalsIn(node.left)), ...literalsIn(node.right)]
    case 'BinaryExpression':
      return node.operator === '+' ? [...literalsIn(node.left), ...literalsIn(node.right)] : []
    default:
      return []
  }
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'

function visit(node: Node, callback: (node: Node) => void): void {
  callback(node)
  for (const value of Object.values(node)) for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, callback)
}
