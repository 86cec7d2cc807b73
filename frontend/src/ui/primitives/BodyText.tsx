/** The text of a message, unchanged: with newlines, clickable http(s) links, and highlighted mentions. */
import { isEmojiOnly, linkify, withMentions } from '../../lib/text'

interface Props {
  text: string
  mentions?: Readonly<Record<string, string>> | undefined
  me?: string
  /** Whether links are Tab stops. */
  tabIndex?: number
}

export function BodyText({ text, mentions, me, tabIndex = 0 }: Props) {
  return (
    <span class={isEmojiOnly(text) ? 'body body-emoji' : 'body'} dir="auto">
      {withMentions(linkify(text), mentions).map((segment) =>
        segment.href ? (
          <a href={segment.href} tabIndex={tabIndex} target="_blank" rel="noopener noreferrer">{segment.text}</a>
        ) : segment.mention ? (
          <span class={segment.mention === me ? 'mention mention-me' : 'mention'}>{segment.text}</span>
        ) : (
          segment.text
        ),
      )}
    </span>
  )
}
