/** The text of a message: with newlines, links, highlighted mentions, and formats. */
import { isEmojiOnly, toSegments } from '../../lib/text'
import { hasMarkup } from '../../lib/visibleText'
import { BodyTabIndex, type BodyProps, SegmentText } from './SegmentText'
import { formatter, loadFormatter } from './formatter'

interface Props extends BodyProps {
  /** Whether links and buttons are Tab stops. */
  tabIndex?: number
}

export function BodyText({ tabIndex = 0, ...props }: Props) {
  return <BodyTabIndex.Provider value={tabIndex}><Body {...props} /></BodyTabIndex.Provider>
}

function Body(props: BodyProps) {
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
