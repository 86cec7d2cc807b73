/** Waiting: backoff with jitter, and sleepers that news can wake. */

/** Milliseconds to wait before try number `attempt` + 1: doubling from `base` up to `most`, the upper half at random. */
export function backoff(attempt: number, base = 500, most = 30_000): number {
  const full = Math.min(most, base * 2 ** Math.min(attempt - 1, 16))
  return full / 2 + (Math.random() * full) / 2
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Sleepers that `wake()` ends early. */
export class Waker {
  private readonly sleepers = new Set<() => void>()

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.sleepers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.sleepers.add(done)
    })
  }

  wake(): void {
    for (const done of [...this.sleepers]) done()
  }
}
