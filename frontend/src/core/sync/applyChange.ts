/** What an event does to the messages before it: pure functions. */
import { LIMITS, type Event, type Message, type MessageCreated, type Quote } from '../net/protocol'

type Shown = { changed_seq?: number } | undefined

/** `events` with what `news` changed put in place, in quotes too; what is as new already stays the same object. */
export function applyChanges(events: readonly Event[], news: readonly Event[]): readonly Event[] {
  for (const change of news) {
    if (!('target_seq' in change) || !change.message) continue
    const { target_seq: seq, message } = change
    const isOld = (shown: Shown): boolean => (shown?.changed_seq ?? 0) < (message.changed_seq ?? 0)
    events = events.map((event): Event => {
      const { quote } = event as MessageCreated
      if (event.seq === seq || ('target_seq' in event && event.target_seq === seq))
        return isOld((event as MessageCreated).message) ? changed(event as MessageCreated, message) : event
      return quote && (event as MessageCreated).message.reply_to === seq && isOld(quote)
        ? ({ ...event, quote: quoteOf(quote.actor_id, message) } as MessageCreated)
        : event
    })
  }
  return events
}

function changed({ quote, ...event }: MessageCreated, message: Message): MessageCreated {
  return { ...event, message, ...(quote && message.reply_to && { quote }) }
}

/** How a reply shows the message that `actor_id` wrote. */
function quoteOf(actor_id: string, { body, deleted_at_ms, changed_seq }: Message): Quote {
  const short = [...body].slice(0, LIMITS.preview_chars).join('')
  return { actor_id, body: short, ...(deleted_at_ms && { deleted_at_ms }), ...(changed_seq && { changed_seq }) }
}

/** The pinned messages after `event`. */
export function pinnedAfter(pinned: number[], event: Event): number[] {
  if (event.type === 'message.pinned') return [...pinned, event.target_seq]
  if (event.type === 'message.unpinned' || event.type === 'message.deleted') return pinned.filter((seq) => seq !== event.target_seq)
  return pinned
}
