/** Who is there, of those watched: known for as long as the server tells of changes, and not a moment longer. */
import { signal } from '@preact/signals'
import type { Presence } from '../net/protocol'

export class PresenceStore {
  readonly now = signal<ReadonlyMap<string, Presence>>(new Map())
  private readonly untils = new Map<string, number>()
  private timer: ReturnType<typeof setTimeout> | undefined

  /** What an answer says of people; what changes is told until `until` (ms). Who is left out of it hides. */
  seen(asked: readonly string[], presence: readonly Presence[], until: number): void {
    const map = new Map(this.now.peek())
    for (const userId of asked) map.delete(userId)
    for (const each of presence) {
      map.set(each.user_id, each)
      this.untils.set(each.user_id, until)
    }
    this.now.value = map
    this.forgetLater()
  }

  /** A pushed change: of somebody who is watched still. */
  changed(presence: Presence): void {
    if ((this.untils.get(presence.user_id) ?? 0) > Date.now()) this.now.value = new Map([...this.now.peek(), [presence.user_id, presence]])
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  private forgetLater(): void {
    clearTimeout(this.timer)
    if (this.untils.size > 0) this.timer = setTimeout(() => this.forget(), Math.max(0, Math.min(...this.untils.values()) - Date.now()))
  }

  private forget(): void {
    for (const [userId, until] of this.untils) if (until <= Date.now()) this.untils.delete(userId)
    this.now.value = new Map([...this.now.peek()].filter(([userId]) => this.untils.has(userId)))
    this.forgetLater()
  }
}
