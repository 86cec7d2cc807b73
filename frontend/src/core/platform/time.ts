/** Delays: backoff with jitter, and sleeps that can be ended early. */

/** Return the delay in ms after attempt number `attempt`: doubles from `base` up to `max`, with the upper half random. */
export function backoff(attempt: number, base = 500, max = 30_000): number {
  const full = Math.min(max, base * 2 ** Math.min(attempt - 1, 16))
  return full / 2 + (Math.random() * full) / 2
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Sleeps that `wake()` ends early. */
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
