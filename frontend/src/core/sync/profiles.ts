/** Who people are: profiles by id, read in batches, kept for the next start. */
import { signal } from '@preact/signals'
import { LIMITS, type User } from '../net/protocol'

const WAIT_MS = 20

export interface ProfilesDeps {
  read(ids: readonly string[]): Promise<User[]>
  keep(users: readonly User[]): void
}

export class Profiles {
  private readonly known = signal<ReadonlyMap<string, User>>(new Map())
  private readonly strangers = new Map<string, User>()
  private readonly wanted = new Set<string>()
  private readonly asked = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly deps: ProfilesDeps) {}

  /** The profile, or a nameless one until it is known. The same object as long as nothing changed. */
  get(userId: string): User {
    const user = this.known.value.get(userId) ?? this.strangers.get(userId)
    if (user) return user
    const stranger: User = { user_id: userId, handle: null, display_name: null }
    this.strangers.set(userId, stranger)
    return stranger
  }

  learn(users: readonly User[], keep = true): void {
    const known = this.known.peek()
    const news = users.filter((user) => !isSame(known.get(user.user_id), user))
    if (news.length === 0) return
    this.known.value = new Map([...known, ...news.map((user) => [user.user_id, user] as const)])
    if (keep) this.deps.keep(news)
  }

  /** Has the unknown ones among `userIds` read soon. */
  want(userIds: Iterable<string>): void {
    for (const id of userIds) if (!this.known.peek().has(id) && !this.asked.has(id)) this.wanted.add(id)
    if (this.wanted.size > 0) this.timer ??= setTimeout(() => void this.read(), WAIT_MS)
  }

  private async read(): Promise<void> {
    this.timer = undefined
    const ids = [...this.wanted].slice(0, LIMITS.user_ids_max)
    for (const id of ids) {
      this.wanted.delete(id)
      this.asked.add(id)
    }
    this.want([])
    try {
      this.learn(await this.deps.read(ids))
    } catch {
      // Asked for again with the next message of theirs.
      for (const id of ids) this.asked.delete(id)
    }
  }
}

export const displayName = (user: User): string => user.display_name ?? user.handle ?? 'Someone'

const isSame = (a: User | undefined, b: User): boolean => a?.handle === b.handle && a.display_name === b.display_name
