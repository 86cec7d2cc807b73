/** The smallest parts of a message body: links, mentions and plain text. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Segment } from '../../lib/text'

/** The `tabIndex` of links and buttons in a body: only one message's are Tab stops. */
export const BodyTabIndex = createContext(0)

export interface BodyProps {
  text: string
  mentions?: Readonly<Record<string, string>> | undefined
  me?: string
}

/** A link, a mention, or plain text. */
export function SegmentText({ segment, me }: { segment: Segment; me: string | undefined }) {
  const { text, href, mention } = segment
  const tabIndex = useContext(BodyTabIndex)
  // An address reads from left to right, whatever is around it.
  if (href) return <a {...linkProps(href)} tabIndex={tabIndex} dir="ltr">{text}</a>
  if (mention) return <bdi class={mention === me ? 'mention mention-me' : 'mention'}>{text}</bdi>
  return <>{text}</>
}

/** A link opens in a new tab; an e-mail address in the e-mail program. */
export const linkProps = (href: string) => (href.startsWith('mailto:') ? { href } : { href, target: '_blank', rel: 'noopener noreferrer' })
