/** The read cursor of a conversation: advances locally at once, is sent with a delay, and never moves back. */
import { ApiError } from '../net/errors'
import { backoff } from '../platform/time'

const SEND_DELAY_MS = 400

export class ReadCursor {
  private target = 0
  private sent = 0
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `put` sends the cursor to the server; it is called with rising `seq` only, one call at a time. */
  constructor(private readonly put: (seq: number) => Promise<void>) {}

  /** Record the server's cursor. */
  setServerSeq(seq: number): void {
    this.sent = Math.max(this.sent, seq)
    this.target = Math.max(this.target, seq)
  }

  /** Advance to `seq`. Returns whether the cursor moved. */
  advance(seq: number): boolean {
    if (seq <= this.target) return false
    this.target = seq
    this.schedule(SEND_DELAY_MS)
    return true
  }

  /** Send the cursor now if the server does not have it. */
  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.target > this.sent) void this.send()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private schedule(ms: number): void {
    this.timer ??= setTimeout(() => void this.send(), ms)
  }

  private async send(): Promise<void> {
    const seq = this.target
    try {
      await this.put(seq)
      this.sent = Math.max(this.sent, seq)
      this.failures = 0
    } catch (error) {
      if (error instanceof ApiError && !error.retryable) this.sent = Math.max(this.sent, seq)
      else this.failures++
    }
    this.timer = undefined
    if (this.target > this.sent) this.schedule(this.failures > 0 ? backoff(this.failures, 2_000) : SEND_DELAY_MS)
  }
}
