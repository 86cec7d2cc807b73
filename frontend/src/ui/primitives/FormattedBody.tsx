/** A message body with formats: its nodes as elements, never as HTML. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useContext, useMemo } from 'preact/hooks'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { type Block, type Node, parse } from '../../lib/markdown'
import { toSegments } from '../../lib/text'
import { BodyTabIndex, type BodyProps, linkProps, SegmentText } from './SegmentText'

export function FormattedBody({ text, mentions, me }: BodyProps) {
  const blocks = useMemo<Block[]>(() => parse(text, mentions) ?? [{ type: 'text', children: toSegments(text, mentions) }], [text, mentions])
  return <div class="body"><Blocks blocks={blocks} me={me} /></div>
}

type Me = { me: string | undefined }

function Blocks({ blocks, me }: { blocks: Block[] } & Me) {
  return (
    <>
      {blocks.map((block) => {
        switch (block.type) {
          case 'text':
            return <div class="body-part" dir="auto"><Nodes nodes={block.children} me={me} /></div>
          case 'quote':
            return <blockquote class="body-quote" dir="auto"><Blocks blocks={block.blocks} me={me} /></blockquote>
          case 'list':
            return <List block={block} me={me} />
        }
      })}
    </>
  )
}

function List({ block, me }: { block: Extract<Block, { type: 'list' }> } & Me) {
  const items = block.items.map((item) => <li dir="auto"><Blocks blocks={item} me={me} /></li>)
  return block.start === null ? <ul class="body-list">{items}</ul> : <ol class="body-list" start={block.start}>{items}</ol>
}

function Nodes({ nodes, me }: { nodes: Node[] } & Me) {
  return <>{nodes.map((node, i) => <NodeView node={withoutBreak(nodes, i) ?? node} me={me} />)}</>
}

/** Return a text without the newline before or after a block of code, which is on lines of its own anyway. */
function withoutBreak(nodes: Node[], i: number): string | null {
  let text = nodes[i]
  if (typeof text !== 'string') return null
  if (isBlock(nodes[i - 1])) text = text.replace(/^[ \t]*\n/, '')
  if (isBlock(nodes[i + 1])) text = text.replace(/\n[ \t]*$/, '')
  return text
}

const isBlock = (node: Node | undefined): boolean => typeof node === 'object' && 'code' in node && node.code?.block === true

function NodeView({ node, me }: { node: Node } & Me) {
  const tabIndex = useContext(BodyTabIndex)
  if (typeof node === 'string') return <>{node}</>
  if (!('children' in node)) {
    if (node.code?.block) return <CodeBlock language={node.code.language} text={node.code.text} />
    if (node.code) return <code class="code" dir="ltr">{node.code.text}</code>
    return <SegmentText segment={node} me={me} />
  }
  const children = <Nodes nodes={node.children} me={me} />
  switch (node.type) {
    case 'strong':
      return <strong>{children}</strong>
    case 'em':
      return <em>{children}</em>
    case 'del':
      return <s>{children}</s>
    case 'spoiler':
      return <Spoiler>{children}</Spoiler>
    case 'link':
      return <a {...linkProps(node.href)} tabIndex={tabIndex} class="body-link" dir="auto" title={node.href}>{children}</a>
  }
}

function CodeBlock({ language, text }: { language: string; text: string }) {
  const copied = useSignal(false)
  const tabIndex = useContext(BodyTabIndex)
  const copy = () =>
    void navigator.clipboard?.writeText(text).then(() => {
      copied.value = true
      announce(t('menu.copied'))
    })
  return (
    <div class="code-block" role="group" aria-label={language ? t('code.labelLanguage', { language }) : t('code.label')}>
      <div class="code-head">
        <span dir="ltr">{language}</span>
        <button type="button" class="code-copy" tabIndex={tabIndex} onClick={copy}>{t(copied.value ? 'menu.copied' : 'code.copy')}</button>
      </div>
      <pre dir="ltr"><code>{text}</code></pre>
    </div>
  )
}

/** Hidden until it is clicked. It takes the same room before and after. */
function Spoiler({ children }: { children: ComponentChildren }) {
  const open = useSignal(false)
  const tabIndex = useContext(BodyTabIndex)
  if (open.value) return <span class="spoiler" tabIndex={-1}>{children}</span>
  const reveal = () => (open.value = true)
  return (
    <span
      class="spoiler spoiler-hidden"
      role="button"
      tabIndex={tabIndex}
      aria-label={t('spoiler.reveal')}
      title={t('spoiler.reveal')}
      onClick={reveal}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        reveal()
      }}
    >
      <span class="spoiler-text" inert>{children}</span>
    </span>
  )
}
