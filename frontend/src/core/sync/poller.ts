/**
 * Reads over HTTP while there is no WebSocket connection.
 *
 * Budget: at most 20 requests a minute while the page is visible, 4 while it is hidden, and half as many after each
 * consecutive failure. (GETs do not count towards the server's limit of 300 requests a minute.)
 */
import { effect, type ReadonlySignal } from '@preact/signals'
import { ApiError } from '../net/errors'
import { Waker } from '../platform/time'

/** The delay after a read, in ms for each request that the read made. */
const PER_REQUEST_MS = 3_000
const MIN_DELAY_MS = 5_000
/** The delay of a hidden page is this many times as long. */
const HIDDEN_FACTOR = 5
const MIN_HIDDEN_DELAY_MS = 60_000
/** The longest delay after failures. */
const MAX_DELAY_MS = 120_000

export interface PollerDeps {
  /** Whether to read: true while there is no WebSocket connection. */
  needed: ReadonlySignal<boolean>
  /** Read what is new, and return the number of requests made. Throws if reading failed. */
  read(): Promise<number>
  /** Called after each read. `reachable`: the server responded. */
  onResponse(reachable: boolean): void
}

export class Poller {
  private readonly waker = new Waker()
  private stopEffect: () => void = () => undefined
  private running = false
  private stopped = false
  private failures = 0

  constructor(private readonly deps: PollerDeps) {}

  /** Read at once, and again after each delay while reading is needed. */
  start(): void {
    addEventListener('online', this.onOnline)
    document.addEventListener('visibilitychange', this.recompute)
    this.stopEffect = effect(() => {
      if (this.deps.needed.value) void this.run()
      else this.recompute()
    })
  }

  stop(): void {
    this.stopped = true
    this.stopEffect()
    removeEventListener('online', this.onOnline)
    document.removeEventListener('visibilitychange', this.recompute)
    this.recompute()
  }

  /** End the sleep, so that the delay is computed from the new state. */
  private readonly recompute = (): void => this.waker.wake()

  private readonly onOnline = (): void => {
    this.failures = 0
    this.recompute()
  }

  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    while (this.isNeeded()) {
      const { requests, retryAfterMs } = await this.read()
      const readAt = Date.now()
      for (let left = 1; this.isNeeded() && left > 0; ) {
        const delayMs = Math.max(retryAfterMs, delayAfter(requests, this.failures, document.visibilityState === 'visible'))
        left = readAt + delayMs - Date.now()
        if (left > 0) await this.waker.sleep(left)
      }
    }
    this.running = false
  }

  private async read(): Promise<{ requests: number; retryAfterMs: number }> {
    try {
      const requests = await this.deps.read()
      this.failures = 0
      if (!this.stopped) this.deps.onResponse(true)
      return { requests, retryAfterMs: 0 }
    } catch (error) {
      this.failures++
      const { status, retryAfterMs } = error instanceof ApiError ? error : { status: 0, retryAfterMs: 0 }
      if (!this.stopped) this.deps.onResponse(status > 0)
      return { requests: 1, retryAfterMs }
    }
  }

  private isNeeded(): boolean {
    return !this.stopped && this.deps.needed.peek()
  }
}

/** Return the delay in ms after a read that made `requests` requests, and after `failures` consecutive failures. */
export function delayAfter(requests: number, failures: number, visible: boolean): number {
  const delayMs = Math.max(MIN_DELAY_MS, requests * PER_REQUEST_MS)
  const shownMs = visible ? delayMs : Math.max(MIN_HIDDEN_DELAY_MS, delayMs * HIDDEN_FACTOR)
  return Math.max(shownMs, Math.min(MAX_DELAY_MS, shownMs * 2 ** Math.min(failures, 8)))
}
