/** Decides which incoming messages trigger a notification. */
import type { Event, MessageCreated } from '../net/protocol'

/** If many messages arrive at once, only this many of the newest are reported. */
const MAX_AT_ONCE = 3

export class NewMessages {
  private lastSeq = 0

  constructor(
    private readonly me: string,
    private readonly onNewMessage: (event: MessageCreated) => void,
  ) {}

  /** Treat events up to `seq` as old. */
  startAfter(seq: number): void {
    this.lastSeq = seq
  }

  /** Report the messages of other users, each once. */
  receive(events: readonly Event[]): void {
    const messages = events.filter((e): e is MessageCreated => e.type === 'message.created' && e.actor_id !== this.me && e.seq > this.lastSeq)
    this.lastSeq = Math.max(this.lastSeq, events.at(-1)?.seq ?? 0)
    for (const event of messages.slice(-MAX_AT_ONCE)) this.onNewMessage(event)
  }
}
