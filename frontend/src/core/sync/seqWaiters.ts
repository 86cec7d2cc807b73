/** Promises that resolve when a log reaches a seq. */

export class SeqWaiters {
  private readonly resolvers = new Map<() => void, number>()

  /** Return a promise that resolves when `resolveUpTo` is called with `seq` or higher. */
  waitFor(seq: number): Promise<void> {
    return new Promise((resolve) => this.resolvers.set(resolve, seq))
  }

  resolveUpTo(seq: number): void {
    for (const [resolve, awaited] of [...this.resolvers]) {
      if (awaited > seq) continue
      this.resolvers.delete(resolve)
      resolve()
    }
  }
}
