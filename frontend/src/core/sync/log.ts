/** The replica of one conversation's log: contiguous, and healed by reading whenever a push was late, lost or doubled. */
import { batch, computed, signal } from '@preact/signals'
import { applyChanges } from './applyChange'
import type { UserError } from '../net/errors'
import { ApiError, toUserError } from '../net/errors'
import type { Event, EventsAnswer } from '../net/protocol'
import { backoff } from '../platform/time'

/** Pushes can overtake each other: an early event waits this long for those before it. */
const GAP_WAIT_MS = 150
const FIRST_PAGE = 60
const OLDER_PAGE = 100
const CATCH_UP_PAGE = 200
/** Further behind than this, the newest page is worth more than everything in between. */
const MAX_CATCH_UP = 1000

export interface LogDeps {
  read(query: { after?: number; before?: number; limit: number }): Promise<EventsAnswer>
  load(): Promise<Event[]>
  keep(events: readonly Event[]): void
  /** The newest seq that anyone spoke of. */
  head(): number
  /** Called within the same batch in which `events` joined the log. */
  onAppended(events: readonly Event[]): void
}

export class Log {
  readonly events = signal<readonly Event[]>([])
  readonly loading = signal<'first' | 'older' | null>(null)
  readonly problem = signal<UserError | null>(null)
  private readonly atStart = signal(false)
  readonly hasOlder = computed(() => !this.atStart.value && (this.events.value[0]?.seq ?? 1) > 1)

  /** Whether it is kept up to date: from the first `open()` on. */
  active = false
  private readonly early = new Map<number, Event>()
  private holding: ReturnType<typeof setTimeout> | undefined
  private opening: Promise<void> | null = null
  private reading: Promise<void> | null = null
  private readAgain = false
  private failures = 0

  constructor(private readonly deps: LogDeps) {}

  /** The newest seq of the contiguous part; 0 before anything is loaded. */
  get last(): number {
    return this.events.peek().at(-1)?.seq ?? 0
  }

  /** Shows what is kept, then reads on; resolves when both are done or failed. Cheap when already open. */
  open(): Promise<void> {
    this.active = true
    this.opening ??= this.first().finally(() => {
      if (this.problem.peek()) this.opening = null
    })
    return this.opening
  }

  private async first(): Promise<void> {
    if (this.last === 0) {
      this.loading.value = 'first'
      const kept = await this.deps.load()
      if (kept.length > 0 && this.last === 0) this.append(kept, false)
      if (this.last > 0) this.loading.value = null
    }
    await this.catchUp()
    this.loading.value = null
  }

  /** Takes pushed events, in any order, any number of times. */
  apply(events: readonly Event[]): void {
    for (const event of events) if (event.seq > this.last) this.early.set(event.seq, event)
    if (this.last > 0) this.drain()
  }

  /** Resolves when everything that the server had at the time of the call is in the log, or reading failed. */
  catchUp(): Promise<void> {
    this.readAgain = this.reading !== null
    this.reading ??= this.readOn().finally(() => {
      this.reading = null
    })
    return this.reading
  }

  private async readOn(): Promise<void> {
    try {
      do {
        this.readAgain = false
        if (this.last === 0 || this.deps.head() - this.last > MAX_CATCH_UP) await this.readNewest()
        else while ((await this.readNext()).has_more);
      } while (this.readAgain)
      this.failures = 0
      this.problem.value = null
    } catch (error) {
      this.failed(error)
    }
  }

  private async readNewest(): Promise<void> {
    const page = await this.deps.read({ limit: FIRST_PAGE })
    if (page.events.length === 0 || (page.events.at(-1)?.seq ?? 0) <= this.last) return
    batch(() => {
      this.events.value = []
      this.atStart.value = !page.has_more
      this.append(page.events)
      this.drain()
    })
  }

  private async readNext(): Promise<EventsAnswer> {
    const page = await this.deps.read({ after: this.last, limit: CATCH_UP_PAGE })
    const before = this.last
    for (const event of page.events) this.early.set(event.seq, event)
    this.drain()
    // A page that brings nothing new must not be asked for again and again.
    return this.last > before ? page : { ...page, has_more: false }
  }

  async loadOlder(): Promise<void> {
    const first = this.events.peek()[0]?.seq ?? 1
    if (this.loading.peek() !== null || first <= 1 || this.atStart.peek()) return
    this.loading.value = 'older'
    try {
      const page = await this.deps.read({ before: first, limit: OLDER_PAGE })
      batch(() => {
        if (page.events.at(-1)?.seq === first - 1) this.events.value = [...page.events, ...this.events.peek()]
        this.atStart.value = !page.has_more
        this.problem.value = null
      })
    } catch (error) {
      this.problem.value = toUserError(error)
    } finally {
      this.loading.value = null
    }
  }

  close(): void {
    clearTimeout(this.holding)
    this.holding = undefined
    this.active = false
  }

  /** Moves what now follows from `early` to the log; starts or ends the wait for a gap. */
  private drain(): void {
    const next: Event[] = []
    for (let seq = this.last + 1; ; seq++) {
      const event = this.early.get(seq)
      if (!event) break
      next.push(event)
    }
    if (next.length > 0) this.append(next)
    if (this.early.size === 0) {
      clearTimeout(this.holding)
      this.holding = undefined
    } else {
      this.hold(GAP_WAIT_MS)
    }
  }

  private hold(ms: number): void {
    this.holding ??= setTimeout(() => {
      this.holding = undefined
      void this.catchUp()
    }, ms)
  }

  private append(events: readonly Event[], keep = true): void {
    const before = this.events.peek()
    const after = applyChanges([...before, ...events], events)
    batch(() => {
      this.events.value = after
      for (const seq of [...this.early.keys()]) if (seq <= this.last) this.early.delete(seq)
      this.deps.onAppended(events)
    })
    if (keep) this.deps.keep(after.filter((event, at) => event !== before[at]))
  }

  private failed(error: unknown): void {
    // What is shown stays; only an empty timeline, or one that is no longer ours, says what went wrong.
    const gone = error instanceof ApiError && (error.status === 404 || error.status === 403)
    if (this.last === 0 || gone) this.problem.value = toUserError(error)
    const again = error instanceof ApiError && error.retryable
    if (this.active && again) this.hold(backoff(++this.failures, 2_000))
  }
}
