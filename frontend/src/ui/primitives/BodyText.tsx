/** What someone wrote, to the character: newlines kept, http(s) links made clickable, nothing interpreted. */
import { isEmojiOnly, linkify } from '../../lib/text'

export function BodyText({ text }: { text: string }) {
  return (
    <span class={isEmojiOnly(text) ? 'body body-emoji' : 'body'} dir="auto">
      {linkify(text).map((segment) =>
        segment.href ? (
          <a href={segment.href} target="_blank" rel="noopener noreferrer">{segment.text}</a>
        ) : (
          segment.text
        ),
      )}
    </span>
  )
}
