/** One conversation's read cursor: moves at once here, soon on the server, and never back. */
import { ApiError } from '../net/errors'
import { backoff } from '../platform/time'

const SEND_DELAY_MS = 400

export class ReadCursor {
  private wanted = 0
  private told = 0
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `put` tells the server; it is called with rising `seq` only, one call at a time. */
  constructor(private readonly put: (seq: number) => Promise<void>) {}

  /** What the server knows already. */
  known(seq: number): void {
    this.told = Math.max(this.told, seq)
    this.wanted = Math.max(this.wanted, seq)
  }

  /** Answers whether `seq` is further than before. */
  mark(seq: number): boolean {
    if (seq <= this.wanted) return false
    this.wanted = seq
    this.later(SEND_DELAY_MS)
    return true
  }

  /** Tells the server now what it does not know yet. */
  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.wanted > this.told) void this.tell()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => void this.tell(), ms)
  }

  private async tell(): Promise<void> {
    const seq = this.wanted
    try {
      await this.put(seq)
      this.told = Math.max(this.told, seq)
      this.failures = 0
    } catch (error) {
      if (error instanceof ApiError && !error.retryable) this.told = Math.max(this.told, seq)
      else this.failures++
    }
    this.timer = undefined
    if (this.wanted > this.told) this.later(this.failures > 0 ? backoff(this.failures, 2_000) : SEND_DELAY_MS)
  }
}
