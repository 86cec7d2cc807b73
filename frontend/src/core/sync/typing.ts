/** Who types: ours said at most every three seconds, theirs shown for five. */
import { signal } from '@preact/signals'

const SAY_MS = 3_000
const SHOW_MS = 5_000

export class Typing {
  readonly now = signal<readonly string[]>([])
  private readonly ends = new Map<string, ReturnType<typeof setTimeout>>()
  private said = 0

  constructor(private readonly say: () => void) {}

  /** Our own keystroke. */
  key(): void {
    if (Date.now() - this.said < SAY_MS) return
    this.said = Date.now()
    this.say()
  }

  /** Our message went out: the next keystroke is news again. */
  pause(): void {
    this.said = 0
  }

  started(userId: string): void {
    clearTimeout(this.ends.get(userId))
    this.ends.set(userId, setTimeout(() => this.ended(userId), SHOW_MS))
    if (!this.now.peek().includes(userId)) this.now.value = [...this.now.peek(), userId]
  }

  ended(userId: string): void {
    clearTimeout(this.ends.get(userId))
    if (this.ends.delete(userId)) this.now.value = this.now.peek().filter((id) => id !== userId)
  }

  stop(): void {
    for (const id of [...this.ends.keys()]) this.ended(id)
  }
}
