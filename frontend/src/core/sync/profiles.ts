/** User profiles by id: read in batches and stored for the next start. */
import { batch, type Signal, signal } from '@preact/signals'
import { LIMITS, type User } from '../net/protocol'

const BATCH_DELAY_MS = 20

export interface ProfilesDeps {
  read(ids: readonly string[]): Promise<User[]>
  save(users: readonly User[]): void
}

export class Profiles {
  /** One signal per user, so that a new profile updates only what shows this user. */
  private readonly users = new Map<string, Signal<User>>()
  private readonly known = new Set<string>()
  private readonly queued = new Set<string>()
  private readonly requested = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly deps: ProfilesDeps) {}

  /** Return the profile, or a placeholder without a name until it is loaded. The object stays the same while nothing changes. */
  get(userId: string): User {
    return this.signalOf(userId).value
  }

  add(users: readonly User[], save = true): void {
    const changed = users.filter((user) => !this.known.has(user.user_id) || !isSame(this.signalOf(user.user_id).peek(), user))
    batch(() => {
      for (const user of changed) {
        this.known.add(user.user_id)
        this.signalOf(user.user_id).value = user
      }
    })
    if (save && changed.length > 0) this.deps.save(changed)
  }

  /** Load those of `userIds` that are not known yet, soon and in one batch. */
  load(userIds: Iterable<string>): void {
    for (const id of userIds) if (!this.known.has(id) && !this.requested.has(id)) this.queued.add(id)
    if (this.queued.size > 0) this.timer ??= setTimeout(() => void this.read(), BATCH_DELAY_MS)
  }

  private signalOf(userId: string): Signal<User> {
    const known = this.users.get(userId) ?? signal<User>({ user_id: userId, handle: null, display_name: null })
    this.users.set(userId, known)
    return known
  }

  private async read(): Promise<void> {
    this.timer = undefined
    const ids = [...this.queued].slice(0, LIMITS.user_ids_max)
    for (const id of ids) {
      this.queued.delete(id)
      this.requested.add(id)
    }
    this.load([])
    try {
      this.add(await this.deps.read(ids))
    } catch {
      // Requested again with the next message of these users.
      for (const id of ids) this.requested.delete(id)
    }
  }
}

const isSame = (a: User, b: User): boolean => a.handle === b.handle && a.display_name === b.display_name
