/** Applies edits, deletions, reactions and pins to earlier messages: pure functions. */
import { LIMITS, type Event, type Message, type MessageCreated, type Quote } from '../net/protocol'

type Changeable = { changed_seq?: number } | undefined

/** Apply the changes in `newEvents` to `events` and their quotes. Events that are already current stay the same objects. */
export function applyChanges(events: readonly Event[], newEvents: readonly Event[]): readonly Event[] {
  for (const change of newEvents) {
    if (!('target_seq' in change) || !change.message) continue
    const { target_seq: seq, message } = change
    const isOutdated = (current: Changeable): boolean => (current?.changed_seq ?? 0) < (message.changed_seq ?? 0)
    events = events.map((event): Event => {
      const { quote } = event as MessageCreated
      if (event.seq === seq || ('target_seq' in event && event.target_seq === seq))
        return isOutdated((event as MessageCreated).message) ? replaceMessage(event as MessageCreated, message) : event
      return quote && (event as MessageCreated).message.reply_to === seq && isOutdated(quote)
        ? ({ ...event, quote: toQuote(quote.actor_id, message) } as MessageCreated)
        : event
    })
  }
  return events
}

function replaceMessage({ quote, ...event }: MessageCreated, message: Message): MessageCreated {
  return { ...event, message, ...(quote && message.reply_to && { quote }) }
}

/** Return the message of `actor_id` as a reply quotes it. */
function toQuote(actor_id: string, { body, deleted_at_ms, changed_seq }: Message): Quote {
  const preview = [...body].slice(0, LIMITS.preview_chars).join('')
  return { actor_id, body: preview, ...(deleted_at_ms && { deleted_at_ms }), ...(changed_seq && { changed_seq }) }
}

/** Return the seqs of the pinned messages after `event`. */
export function pinnedAfter(pinned: number[], event: Event): number[] {
  if (event.type === 'message.pinned') return [...pinned, event.target_seq]
  if (event.type === 'message.unpinned' || event.type === 'message.deleted') return pinned.filter((seq) => seq !== event.target_seq)
  return pinned
}
