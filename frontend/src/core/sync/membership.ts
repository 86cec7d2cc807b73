/** The members of a conversation: included in it, or loaded in pages if there are too many. */
import { batch, computed, signal } from '@preact/signals'
import type { Event, Member } from '../net/protocol'
import type { ConversationContext } from './context'
import { applyMemberEvents, applyReceipt } from './members'

export class Membership {
  /** Null until loaded. */
  readonly list = signal<Member[] | null>(null)
  /** Whether the list is incomplete. */
  readonly hasMore = signal(false)
  private cursor: string | undefined

  constructor(
    private readonly id: string,
    private readonly context: Pick<ConversationContext, 'me' | 'api' | 'profiles'>,
  ) {}

  readonly withProfiles = computed(() =>
    (this.list.value ?? []).map((member) => ({ ...member, user: this.context.profiles.get(member.user_id) })),
  )

  readonly readByOthers = computed(() =>
    (this.list.value ?? []).reduce((max, m) => (m.user_id === this.context.me ? max : Math.max(max, m.read_seq)), 0),
  )

  /** Set the complete list; `undefined` means that it must be loaded in pages. */
  setMembers(members: Member[] | undefined): void {
    if (members) this.list.value = members
    this.hasMore.value = !members && (this.list.peek() === null || this.cursor !== undefined)
  }

  /** Load the next page. */
  async loadMore(): Promise<void> {
    if (!this.hasMore.peek()) return
    const { members, users, next_cursor } = await this.context.api.members(this.id, this.cursor)
    const loaded = new Set(members.map((member) => member.user_id))
    batch(() => {
      this.context.profiles.add(users)
      this.list.value = [...(this.list.peek() ?? []).filter((member) => !loaded.has(member.user_id)), ...members]
      this.cursor = next_cursor
      this.hasMore.value = next_cursor !== undefined
    })
  }

  applyEvents(events: readonly Event[]): void {
    this.list.value = applyMemberEvents(this.list.peek(), events)
  }

  applyReceipt(userId: string, seq: number): void {
    this.list.value = applyReceipt(this.list.peek(), userId, seq)
  }
}
