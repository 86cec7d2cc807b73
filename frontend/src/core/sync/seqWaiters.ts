/** Who waits for a log to reach which seq. */

export class SeqWaiters {
  private readonly resolvers = new Map<() => void, number>()

  /** Resolves when `reached` says `seq` or a higher one. */
  until(seq: number): Promise<void> {
    return new Promise((resolve) => this.resolvers.set(resolve, seq))
  }

  reached(seq: number): void {
    for (const [resolve, awaited] of [...this.resolvers]) {
      if (awaited > seq) continue
      this.resolvers.delete(resolve)
      resolve()
    }
  }
}
