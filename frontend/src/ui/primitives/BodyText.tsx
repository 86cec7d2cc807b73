/** The text of a message: with newlines, links, highlighted mentions, and formats. */
import { isEmojiOnly, type Segment, toSegments } from '../../lib/text'
import { hasMarkup } from '../../lib/visibleText'
import { formatter, loadFormatter } from './formatter'

export interface BodyProps {
  text: string
  mentions?: Readonly<Record<string, string>> | undefined
  me?: string
}

export function BodyText(props: BodyProps) {
  const { text, mentions, me } = props
  if (hasMarkup(text)) {
    loadFormatter()
    const Formatted = formatter.value
    if (Formatted) return <Formatted {...props} />
  }
  return (
    <span class={isEmojiOnly(text) ? 'body body-emoji' : 'body'} dir="auto">
      {toSegments(text, mentions).map((segment) => <SegmentText segment={segment} me={me} />)}
    </span>
  )
}

/** A link, a mention, or plain text. */
export function SegmentText({ segment, me }: { segment: Segment; me: string | undefined }) {
  const { text, href, mention } = segment
  // An address reads from left to right, whatever is around it.
  if (href) return <a {...linkProps(href)} dir="ltr">{text}</a>
  if (mention) return <bdi class={mention === me ? 'mention mention-me' : 'mention'}>{text}</bdi>
  return <>{text}</>
}

/** A link opens in a new tab; an e-mail address in the e-mail program. */
export const linkProps = (href: string) => (href.startsWith('mailto:') ? { href } : { href, target: '_blank', rel: 'noopener noreferrer' })
