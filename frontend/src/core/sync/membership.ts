/** Who is in one conversation: given with it, or read page by page where there are too many for that. */
import { batch, computed, signal } from '@preact/signals'
import { applyMemberEvents, applyReceipt } from './members'
import type { Event, Member } from '../net/protocol'
import type { ConversationContext } from './context'

type Around = Pick<ConversationContext, 'me' | 'api' | 'profiles'>

export class Membership {
  /** Null until known. */
  readonly list = signal<Member[] | null>(null)
  /** Whether there are more than the list has. */
  readonly more = signal(false)
  private cursor: string | undefined

  constructor(
    private readonly id: string,
    private readonly around: Around,
  ) {}

  readonly shown = computed(() => (this.list.value ?? []).map((member) => ({ ...member, user: this.around.profiles.get(member.user_id) })))

  readonly readByOthers = computed(() =>
    (this.list.value ?? []).reduce((most, m) => (m.user_id === this.around.me ? most : Math.max(most, m.read_seq)), 0),
  )

  /** Takes the whole list; without one, it is to be read in pages. */
  take(members: Member[] | undefined): void {
    if (members) this.list.value = members
    this.more.value = !members && (this.list.peek() === null || this.cursor !== undefined)
  }

  /** Reads the next page of those who are not known yet. */
  async readOn(): Promise<void> {
    if (!this.more.peek()) return
    const { members, users, next_cursor } = await this.around.api.members(this.id, this.cursor)
    const fresh = new Set(members.map((member) => member.user_id))
    batch(() => {
      this.around.profiles.learn(users)
      this.list.value = [...(this.list.peek() ?? []).filter((member) => !fresh.has(member.user_id)), ...members]
      this.cursor = next_cursor
      this.more.value = next_cursor !== undefined
    })
  }

  advance(events: readonly Event[]): void {
    this.list.value = applyMemberEvents(this.list.peek(), events)
  }

  receipt(userId: string, seq: number): void {
    this.list.value = applyReceipt(this.list.peek(), userId, seq)
  }
}
