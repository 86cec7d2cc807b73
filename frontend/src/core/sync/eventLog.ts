/** The local replica of a conversation's event log: contiguous, and repaired by reading if a push is late, lost or duplicated. */
import { batch, computed, signal } from '@preact/signals'
import { ApiError, toUserError, type UserError } from '../net/errors'
import type { Event, EventsResponse } from '../net/protocol'
import { backoff } from '../platform/time'
import { applyChanges } from './applyChange'

/** Pushes can arrive out of order: how long an event waits for those before it. */
const GAP_WAIT_MS = 150
const FIRST_PAGE = 60
const OLDER_PAGE = 100
const CATCH_UP_PAGE = 200
/** With more missing events than this, only the newest page is read. */
const MAX_CATCH_UP = 1000

export interface EventLogDeps {
  read(query: { after?: number; before?: number; limit: number }): Promise<EventsResponse>
  load(): Promise<Event[]>
  save(events: readonly Event[]): void
  /** Return the newest seq that is known to exist. */
  latestSeq(): number
  /** Called in the batch that appends `events`. */
  onAppended(events: readonly Event[]): void
  /** Awaited after the stored events are shown, and before new ones are read. */
  beforeFirstRead(): Promise<void>
}

export class EventLog {
  readonly events = signal<readonly Event[]>([])
  readonly loading = signal<'first' | 'older' | null>(null)
  readonly error = signal<UserError | null>(null)
  private readonly atStart = signal(false)
  readonly hasOlder = computed(() => !this.atStart.value && (this.events.value[0]?.seq ?? 1) > 1)

  /** Whether the log is kept up to date: true from the first `open()` until `close()`. */
  active = false
  private readonly outOfOrder = new Map<number, Event>()
  private catchUpTimer: ReturnType<typeof setTimeout> | undefined
  private openPromise: Promise<void> | null = null
  private catchUpPromise: Promise<void> | null = null
  private readAgain = false
  private failures = 0

  constructor(private readonly deps: EventLogDeps) {}

  /** The newest seq of the contiguous part; 0 if nothing is loaded. */
  get lastSeq(): number {
    return this.events.peek().at(-1)?.seq ?? 0
  }

  /** Load the stored events, then read new ones; resolves when both are done or failed. Cheap if already open. */
  open(): Promise<void> {
    this.active = true
    this.openPromise ??= this.loadFirst().finally(() => {
      if (this.error.peek()) this.openPromise = null
    })
    return this.openPromise
  }

  private async loadFirst(): Promise<void> {
    if (this.lastSeq === 0) {
      this.loading.value = 'first'
      const stored = await this.deps.load()
      if (stored.length > 0 && this.lastSeq === 0) this.append(stored, false)
      if (this.lastSeq > 0) this.loading.value = null
    }
    await this.deps.beforeFirstRead()
    await this.catchUp()
    this.loading.value = null
  }

  /** Apply pushed events, in any order and any number of times. */
  apply(events: readonly Event[]): void {
    for (const event of events) if (event.seq > this.lastSeq) this.outOfOrder.set(event.seq, event)
    if (this.lastSeq > 0) this.appendInOrder()
  }

  /** Read new events; resolves when the log has all that the server had at the time of the call, or on failure. */
  catchUp(): Promise<void> {
    this.readAgain = this.catchUpPromise !== null
    this.catchUpPromise ??= this.readNew().finally(() => {
      this.catchUpPromise = null
    })
    return this.catchUpPromise
  }

  private async readNew(): Promise<void> {
    try {
      do {
        this.readAgain = false
        if (this.lastSeq === 0 || this.deps.latestSeq() - this.lastSeq > MAX_CATCH_UP) await this.readNewest()
        else while ((await this.readNext()).has_more);
      } while (this.readAgain)
      this.failures = 0
      this.error.value = null
    } catch (error) {
      this.onReadError(error)
    }
  }

  private async readNewest(): Promise<void> {
    const page = await this.deps.read({ limit: FIRST_PAGE })
    if (page.events.length === 0 || (page.events.at(-1)?.seq ?? 0) <= this.lastSeq) return
    batch(() => {
      this.events.value = []
      this.atStart.value = !page.has_more
      this.append(page.events)
      this.appendInOrder()
    })
  }

  private async readNext(): Promise<EventsResponse> {
    const page = await this.deps.read({ after: this.lastSeq, limit: CATCH_UP_PAGE })
    const before = this.lastSeq
    for (const event of page.events) this.outOfOrder.set(event.seq, event)
    this.appendInOrder()
    // A page without new events must not be requested in a loop.
    return this.lastSeq > before ? page : { ...page, has_more: false }
  }

  async loadOlder(): Promise<void> {
    const firstSeq = this.events.peek()[0]?.seq ?? 1
    if (this.loading.peek() !== null || firstSeq <= 1 || this.atStart.peek()) return
    this.loading.value = 'older'
    try {
      const page = await this.deps.read({ before: firstSeq, limit: OLDER_PAGE })
      batch(() => {
        if (page.events.at(-1)?.seq === firstSeq - 1) this.events.value = [...page.events, ...this.events.peek()]
        this.atStart.value = !page.has_more
        this.error.value = null
      })
    } catch (error) {
      this.error.value = toUserError(error)
    } finally {
      this.loading.value = null
    }
  }

  close(): void {
    clearTimeout(this.catchUpTimer)
    this.catchUpTimer = undefined
    this.active = false
  }

  /** Append the out-of-order events that now follow the log; start or end the wait for a gap. */
  private appendInOrder(): void {
    const next: Event[] = []
    for (let seq = this.lastSeq + 1; ; seq++) {
      const event = this.outOfOrder.get(seq)
      if (!event) break
      next.push(event)
    }
    if (next.length > 0) this.append(next)
    if (this.outOfOrder.size === 0) {
      clearTimeout(this.catchUpTimer)
      this.catchUpTimer = undefined
    } else {
      this.scheduleCatchUp(GAP_WAIT_MS)
    }
  }

  private scheduleCatchUp(ms: number): void {
    this.catchUpTimer ??= setTimeout(() => {
      this.catchUpTimer = undefined
      void this.catchUp()
    }, ms)
  }

  private append(events: readonly Event[], save = true): void {
    const before = this.events.peek()
    const after = applyChanges([...before, ...events], events)
    batch(() => {
      this.events.value = after
      for (const seq of [...this.outOfOrder.keys()]) if (seq <= this.lastSeq) this.outOfOrder.delete(seq)
      this.deps.onAppended(events)
    })
    if (save) this.deps.save(after.filter((event, at) => event !== before[at]))
  }

  private onReadError(error: unknown): void {
    // Loaded events stay visible: the error shows only if nothing is loaded or the user lost access.
    const noAccess = error instanceof ApiError && (error.status === 404 || error.status === 403)
    if (this.lastSeq === 0 || noAccess) this.error.value = toUserError(error)
    const retry = error instanceof ApiError && error.retryable
    if (this.active && retry) this.scheduleCatchUp(backoff(++this.failures, 2_000))
  }
}
