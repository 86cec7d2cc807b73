/** User profiles by id: read in batches and stored for the next start. */
import { signal } from '@preact/signals'
import { LIMITS, type User } from '../net/protocol'

const BATCH_DELAY_MS = 20

export interface ProfilesDeps {
  read(ids: readonly string[]): Promise<User[]>
  save(users: readonly User[]): void
}

export class Profiles {
  private readonly known = signal<ReadonlyMap<string, User>>(new Map())
  private readonly placeholders = new Map<string, User>()
  private readonly queued = new Set<string>()
  private readonly requested = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly deps: ProfilesDeps) {}

  /** Return the profile, or a placeholder without a name until it is loaded. The object stays the same while nothing changes. */
  get(userId: string): User {
    const user = this.known.value.get(userId) ?? this.placeholders.get(userId)
    if (user) return user
    const placeholder: User = { user_id: userId, handle: null, display_name: null }
    this.placeholders.set(userId, placeholder)
    return placeholder
  }

  add(users: readonly User[], save = true): void {
    const known = this.known.peek()
    const changed = users.filter((user) => !isSame(known.get(user.user_id), user))
    if (changed.length === 0) return
    this.known.value = new Map([...known, ...changed.map((user) => [user.user_id, user] as const)])
    if (save) this.deps.save(changed)
  }

  /** Load those of `userIds` that are not known yet, soon and in one batch. */
  load(userIds: Iterable<string>): void {
    for (const id of userIds) if (!this.known.peek().has(id) && !this.requested.has(id)) this.queued.add(id)
    if (this.queued.size > 0) this.timer ??= setTimeout(() => void this.read(), BATCH_DELAY_MS)
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

const isSame = (a: User | undefined, b: User): boolean => a?.handle === b.handle && a.display_name === b.display_name
