/** Which of the messages that arrive are worth announcing: those of others, once, and of many at once the newest few. */
import type { Event, MessageCreated } from '../net/protocol'

const MOST = 3

export class News {
  private told = 0

  constructor(
    private readonly me: string,
    private readonly say: (event: MessageCreated) => void,
  ) {}

  /** What lies up to `seq` was there before. */
  since(seq: number): void {
    this.told = seq
  }

  tell(events: readonly Event[]): void {
    const fresh = events.filter((e): e is MessageCreated => e.type === 'message.created' && e.actor_id !== this.me && e.seq > this.told)
    this.told = Math.max(this.told, events.at(-1)?.seq ?? 0)
    for (const event of fresh.slice(-MOST)) this.say(event)
  }
}
