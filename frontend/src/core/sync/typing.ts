/** Typing indicators: the user's own are sent at most every three seconds, those of others show for five. */
import { signal } from '@preact/signals'

const SEND_INTERVAL_MS = 3_000
const SHOW_MS = 5_000

export class Typing {
  /** Ids of the users who are typing. */
  readonly userIds = signal<readonly string[]>([])
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>()
  private lastSentMs = 0

  constructor(private readonly send: () => void) {}

  onKeystroke(): void {
    if (Date.now() - this.lastSentMs < SEND_INTERVAL_MS) return
    this.lastSentMs = Date.now()
    this.send()
  }

  /** Call after sending a message: the next keystroke is sent at once. */
  reset(): void {
    this.lastSentMs = 0
  }

  started(userId: string): void {
    clearTimeout(this.timers.get(userId))
    this.timers.set(userId, setTimeout(() => this.ended(userId), SHOW_MS))
    if (!this.userIds.peek().includes(userId)) this.userIds.value = [...this.userIds.peek(), userId]
  }

  ended(userId: string): void {
    clearTimeout(this.timers.get(userId))
    if (this.timers.delete(userId)) this.userIds.value = this.userIds.peek().filter((id) => id !== userId)
  }

  stop(): void {
    for (const id of [...this.timers.keys()]) this.ended(id)
  }
}
