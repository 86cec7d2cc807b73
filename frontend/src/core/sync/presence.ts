/** Presence of watched users, kept only while the server pushes changes to it. */
import { signal } from '@preact/signals'
import type { Presence } from '../net/protocol'

export class PresenceStore {
  readonly current = signal<ReadonlyMap<string, Presence>>(new Map())
  private readonly expiry = new Map<string, number>()
  private timer: ReturnType<typeof setTimeout> | undefined

  /** Store the presence of `userIds` until `until` (ms). A user missing from `presence` hides theirs. */
  set(userIds: readonly string[], presence: readonly Presence[], until: number): void {
    const map = new Map(this.current.peek())
    for (const userId of userIds) map.delete(userId)
    for (const each of presence) {
      map.set(each.user_id, each)
      this.expiry.set(each.user_id, until)
    }
    this.current.value = map
    this.scheduleExpiry()
  }

  /** Apply a pushed change, if the user is still watched. */
  update(presence: Presence): void {
    if ((this.expiry.get(presence.user_id) ?? 0) > Date.now())
      this.current.value = new Map([...this.current.peek(), [presence.user_id, presence]])
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  private scheduleExpiry(): void {
    clearTimeout(this.timer)
    if (this.expiry.size > 0)
      this.timer = setTimeout(() => this.expire(), Math.max(0, Math.min(...this.expiry.values()) - Date.now()))
  }

  private expire(): void {
    for (const [userId, until] of this.expiry) if (until <= Date.now()) this.expiry.delete(userId)
    this.current.value = new Map([...this.current.peek()].filter(([userId]) => this.expiry.has(userId)))
    this.scheduleExpiry()
  }
}
