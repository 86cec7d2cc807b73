/** One conversation as the views see it: its place in the list, its timeline, and what one can do in it. */
import { batch, computed, signal } from '@preact/signals'
import type { Api } from './api'
import { checkBody, checkTitle } from './checks'
import type { Drafts } from './drafts'
import type { Db } from './db'
import { fold, idInKey } from './fold'
import { Log } from './log'
import { membersAfter } from './members'
import type { ConversationModel, ConversationSummary, Problem } from './model'
import type { Outbox } from './outbox'
import { outcome } from './problem'
import { nameOf, type Profiles } from './profiles'
import type { ConversationAnswer, ConversationEntry, Event, Member, MessageCreated } from './protocol'
import { ReadCursor } from './reads'
import { Typing } from './typing'

/** What conversations share. */
export interface Surroundings {
  me: string
  api: Api
  db: Db
  drafts: Drafts
  outbox: Outbox
  profiles: Profiles
  say(frame: { action: 'typing'; conversation_id: string }): void
  /** A new message of someone else. */
  announce(conversation: Conversation, event: MessageCreated): void
  /** We are no longer in it. */
  left(conversationId: string): void
}

const REFRESH_MS = 150
/** Of many messages that arrive at once, the newest few are worth announcing. */
const ANNOUNCE_MOST = 3

export class Conversation implements ConversationModel {
  /** The server's row, brought forward by events; null until known. */
  readonly entry = signal<ConversationEntry | null>(null)
  private readonly memberList = signal<Member[] | null>(null)
  private readonly missing = signal<Problem | null>(null)
  readonly unreadFrom = signal<number | null>(null)
  readonly draft = signal('')
  readonly log: Log
  private readonly typingNow: Typing
  private readonly cursor: ReadCursor
  private readonly kept = new WeakMap()
  private announced = 0
  private drawLine = false
  private refreshing: ReturnType<typeof setTimeout> | undefined
  /** Who waits for the log to reach which seq. */
  private readonly waiting = new Map<() => void, number>()

  constructor(
    readonly id: string,
    private readonly with_: Surroundings,
  ) {
    const { api, db, drafts } = with_
    this.draft.value = drafts.get(id)
    this.log = new Log({
      read: (query) => api.events(id, query),
      load: () => db.events(id),
      keep: (events) => void db.keepEvents(id, events),
      head: () => this.entry.peek()?.conversation.last_seq ?? 0,
      onAppended: (events) => this.appended(events),
    })
    this.typingNow = new Typing(() => with_.say({ action: 'typing', conversation_id: id }))
    this.cursor = new ReadCursor(async (seq) => {
      const answer = await api.read(id, seq)
      this.readUpTo(answer.read_seq, answer.unread)
    })
  }

  private readonly outgoing = computed(() => this.with_.outbox.items.value.filter((item) => item.conversation_id === this.id))

  readonly timeline = computed(() => {
    const { me, profiles } = this.with_
    const kind = this.entry.value?.conversation.kind ?? 'direct'
    return fold(this.log.events.value, this.outgoing.value, { me, kind, user: (id) => profiles.get(id) }, this.kept)
  })

  readonly loading = computed(() => this.log.loading.value)
  readonly problem = computed(() => this.missing.value ?? this.log.problem.value)
  readonly hasOlder = computed(() => this.log.hasOlder.value)

  readonly members = computed(() =>
    (this.memberList.value ?? []).map((member) => ({ ...member, user: this.with_.profiles.get(member.user_id) })),
  )

  readonly readByOthers = computed(() =>
    (this.memberList.value ?? []).reduce((most, m) => (m.user_id === this.with_.me ? most : Math.max(most, m.read_seq)), 0),
  )

  readonly unread = computed(() => this.entry.value?.unread ?? 0)

  readonly summary = computed((): ConversationSummary => {
    const { me, profiles } = this.with_
    const entry = this.entry.value
    const others = (this.memberList.value ?? []).filter((m) => m.user_id !== me).map((m) => profiles.get(m.user_id))
    const kind = entry?.conversation.kind ?? 'direct'
    const peer = kind === 'direct' ? others[0] : undefined
    const waiting = this.outgoing.value.at(-1)
    const last = entry?.last_message
    const own = last?.actor_id === me
    const shown = last && {
      author: kind === 'group' && !own ? nameOf(profiles.get(last.actor_id)) : null,
      own,
      body: last.message.body,
      pending: false,
    }
    return {
      id: this.id,
      kind,
      name: (peer ? nameOf(peer) : entry?.conversation.title) || others.map(nameOf).join(', ') || 'Group',
      ...(peer && { peer }),
      preview: waiting ? { author: null, own: true, body: waiting.body, pending: true } : (shown ?? null),
      at_ms: Math.max(waiting?.at_ms ?? 0, last?.at_ms ?? entry?.conversation.created_at_ms ?? 0),
      unread: this.unread.value,
      draft: this.draft.value,
      typing: this.typingNow.now.value.map((userId) => nameOf(profiles.get(userId))),
    }
  })

  // What views do

  /** Called when it comes on screen: shows what is kept, reads on, draws the line above what is new. */
  show(): void {
    this.drawLine = true
    this.placeLine()
    void this.log.open()
    if (!this.memberList.peek()) void this.refresh()
  }

  setDraft(text: string): void {
    this.draft.value = text
    this.with_.drafts.set(this.id, text)
  }

  async loadOlder(): Promise<void> {
    if (this.missing.peek()) await this.refresh()
    await (this.log.last === 0 ? this.log.open() : this.log.loadOlder())
  }

  async send(body: string): Promise<Problem | null> {
    const problem = checkBody(body)
    if (problem) return problem
    this.typingNow.pause()
    return outcome(() => this.with_.outbox.add(this.id, body))
  }

  retry(key: string): void {
    void this.with_.outbox.retry(idInKey(key))
  }

  discard(key: string): void {
    void this.with_.outbox.discard(idInKey(key))
  }

  markRead(seq: number): void {
    if (this.cursor.mark(seq)) this.readUpTo(seq, this.unreadAfter(seq))
  }

  typing(): void {
    this.typingNow.key()
  }

  async rename(title: string): Promise<Problem | null> {
    return checkTitle(title) ?? outcome(async () => this.merge(await this.with_.api.rename(this.id, title.trim())))
  }

  addMembers(userIds: string[]): Promise<Problem | null> {
    return outcome(async () => this.merge(await this.with_.api.addMembers(this.id, userIds)))
  }

  removeMember(userId: string): Promise<Problem | null> {
    return outcome(async () => {
      await this.with_.api.removeMember(this.id, userId)
      void this.log.catchUp()
    })
  }

  leave(): Promise<Problem | null> {
    return outcome(async () => {
      await this.with_.api.removeMember(this.id, this.with_.me)
      this.with_.left(this.id)
    })
  }

  // What the server says

  /** Takes the server's row, unless events have carried us further. */
  merge(answer: ConversationEntry & Partial<Pick<ConversationAnswer, 'users'>>): void {
    const { users, ...entry } = answer
    const now = this.entry.peek()
    batch(() => {
      this.missing.value = null
      if (users) this.with_.profiles.learn(users)
      if (!now || entry.conversation.last_seq >= now.conversation.last_seq) {
        const read = Math.max(entry.read_seq, now?.read_seq ?? 0)
        const unread = read > entry.read_seq ? Math.min(now?.unread ?? 0, entry.unread) : entry.unread
        this.setEntry({ ...entry, read_seq: read, unread })
        if (entry.conversation.members) this.memberList.value = entry.conversation.members
      }
      this.cursor.known(entry.read_seq)
      if (!now) this.announced = entry.conversation.last_seq
      else if (entry.last_message) this.announce([entry.last_message])
      this.placeLine()
    })
    this.with_.profiles.want((entry.conversation.members ?? []).map((member) => member.user_id))
  }

  /** Takes pushed events. */
  receive(events: readonly Event[]): void {
    if (this.log.active) return this.log.apply(events)
    const last = this.entry.peek()?.conversation.last_seq
    const first = events[0]?.seq ?? 0
    batch(() => this.advance(events))
    if (last === undefined || first > last + 1) this.refreshSoon()
  }

  receipt(userId: string, seq: number): void {
    if (userId === this.with_.me) {
      const entry = this.entry.peek()
      this.cursor.known(seq)
      if (!entry || seq <= entry.read_seq) return
      const unread = this.unreadAfter(seq)
      if (unread === undefined) this.refreshSoon()
      else this.readUpTo(seq, unread)
    } else {
      this.memberList.value =
        this.memberList
          .peek()
          ?.map((m) => (m.user_id === userId ? { ...m, read_seq: Math.max(m.read_seq, seq) } : m)) ?? null
    }
  }

  typed(userId: string): void {
    if (userId === this.with_.me) return
    this.with_.profiles.want([userId])
    this.typingNow.started(userId)
  }

  /** The connection is back: read what came meanwhile. */
  resume(): void {
    if (this.log.active) void (this.log.last === 0 ? this.log.open() : this.log.catchUp())
    this.cursor.flush()
  }

  /** Resolves when the log shows `event`, or cannot. */
  async settle(event: Event): Promise<void> {
    if (!this.log.active) return this.receive([event])
    this.log.apply([event])
    if (this.log.last < event.seq) await this.log.catchUp()
    if (this.log.last < event.seq && this.log.active) {
      await new Promise<void>((resolve) => this.waiting.set(resolve, event.seq))
    }
  }

  gone(problem: Problem): void {
    this.missing.value = problem
    this.stop()
  }

  stop(): void {
    clearTimeout(this.refreshing)
    this.refreshing = undefined
    this.log.close()
    this.cursor.stop()
    this.typingNow.stop()
    this.release(Infinity)
  }

  private release(seq: number): void {
    for (const [resolve, awaited] of [...this.waiting]) {
      if (awaited > seq) continue
      this.waiting.delete(resolve)
      resolve()
    }
  }

  private appended(events: readonly Event[]): void {
    this.advance(events)
    this.with_.profiles.want(new Set(events.flatMap((e) => ('user_id' in e ? [e.actor_id, e.user_id] : [e.actor_id]))))
    for (const event of events) {
      if (event.type === 'message.created' && event.actor_id === this.with_.me)
        void this.with_.outbox.confirm(event.message.client_message_id)
    }
    this.release(this.log.last)
  }

  /** Brings row and members forward by the events that are new to them. */
  private advance(events: readonly Event[]): void {
    const entry = this.entry.peek()
    if (!entry) return
    const { me } = this.with_
    let { conversation, unread, last_message } = entry
    const news = events.filter((event) => event.seq > conversation.last_seq)
    if (news.length === 0) return
    for (const event of news) {
      unread += event.message_count - conversation.message_count
      if (event.type === 'message.created') {
        last_message = event
        // Whoever writes has read: the server counts so too.
        if (event.actor_id === me) unread = 0
        this.typingNow.ended(event.actor_id)
      }
      if (event.type === 'conversation.updated') conversation = { ...conversation, title: event.title }
      conversation = { ...conversation, last_seq: event.seq, message_count: event.message_count }
    }
    this.memberList.value = membersAfter(this.memberList.peek(), news)
    this.setEntry({ ...entry, conversation, unread, ...(last_message && { last_message }) })
    this.announce(news)
    if (news.some((event) => event.type === 'member.removed' && event.user_id === me)) this.with_.left(this.id)
  }

  private announce(events: readonly Event[]): void {
    const news = events.filter((e) => e.type === 'message.created' && e.actor_id !== this.with_.me && e.seq > this.announced)
    this.announced = Math.max(this.announced, events.at(-1)?.seq ?? 0)
    this.with_.profiles.want(news.map((event) => event.actor_id))
    for (const event of news.slice(-ANNOUNCE_MOST)) this.with_.announce(this, event as MessageCreated)
  }

  private readUpTo(seq: number, unread: number | undefined): void {
    const entry = this.entry.peek()
    if (!entry || seq < entry.read_seq) return
    this.setEntry({ ...entry, read_seq: seq, unread: Math.min(entry.unread, unread ?? entry.unread) })
  }

  /** Unread messages after `seq` by the counts that run along; undefined if that event is not here. */
  private unreadAfter(seq: number): number | undefined {
    const entry = this.entry.peek()
    if (!entry) return undefined
    if (seq >= entry.conversation.last_seq) return 0
    const events = this.log.events.peek()
    const event = events[seq - (events[0]?.seq ?? 0)]
    return event && entry.conversation.message_count - event.message_count
  }

  private setEntry(entry: ConversationEntry): void {
    const members = entry.conversation.members ?? this.entry.peek()?.conversation.members
    this.entry.value = members ? { ...entry, conversation: { ...entry.conversation, members } } : entry
    void this.with_.db.keepEntries([this.entry.value])
  }

  private placeLine(): void {
    const entry = this.entry.peek()
    if (!this.drawLine || !entry) return
    this.drawLine = false
    this.unreadFrom.value = entry.unread > 0 ? entry.read_seq : null
  }

  private refreshSoon(): void {
    this.refreshing ??= setTimeout(() => {
      this.refreshing = undefined
      void this.refresh()
    }, REFRESH_MS)
  }

  async refresh(): Promise<void> {
    const problem = await outcome(async () => this.merge(await this.with_.api.conversation(this.id)))
    if (problem && !this.entry.peek()) this.missing.value = problem
  }
}
