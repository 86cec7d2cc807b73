/** One conversation as the views see it: its place in the list, its timeline, and what one can do in it. */
import { batch, computed, signal } from '@preact/signals'
import { at } from '../net/api'
import { checkBody } from '../validation'
import { choose, type Action } from '../actions'
import { answered, messageCountAt, applyEvents, markReadUpTo, summarize } from './summary'
import { buildTimeline, clientMessageIdIn } from './timeline'
import { Log } from './log'
import { Membership } from './membership'
import type { ConversationModel } from '../model'
import type { UserError } from '../net/errors'
import { toResult } from '../net/errors'
import { News } from './newMessages'
import type { ConversationAnswer, ConversationEntry, Event, Settings } from '../net/protocol'
import { ReadCursor } from './readCursor'
import type { ConversationContext } from './context'
import { Typing } from './typing'
import { SeqWaiters } from './seqWaiters'

const REFRESH_MS = 150

export class Conversation implements ConversationModel {
  /** The server's row, brought forward by events; null until known. */
  readonly entry = signal<ConversationEntry | null>(null)
  private readonly membership: Membership
  readonly members: Membership['shown']
  readonly readByOthers: Membership['readByOthers']
  readonly hasMoreMembers: Membership['more']
  private readonly missing = signal<UserError | null>(null)
  readonly unreadFrom = signal<number | null>(null)
  readonly draft = signal('')
  readonly log: Log
  readonly loading: Log['loading']
  readonly hasOlder: Log['hasOlder']
  private readonly typingNow: Typing
  private readonly cursor: ReadCursor
  private readonly kept = new WeakMap()
  private readonly news: News
  private drawLine = false
  private refreshing: ReturnType<typeof setTimeout> | undefined
  private readonly waiting = new SeqWaiters()

  constructor(
    readonly id: string,
    private readonly around: ConversationContext,
  ) {
    const { api, db, drafts } = around
    this.draft.value = drafts.get(id)
    this.log = new Log({
      read: (query) => api.events(id, query),
      load: () => db.events(id),
      keep: (events) => void db.saveEvents(id, events),
      head: () => this.entry.peek()?.conversation.last_seq ?? 0,
      onAppended: (events) => this.appended(events),
    })
    this.membership = new Membership(id, around)
    this.members = this.membership.shown
    this.readByOthers = this.membership.readByOthers
    this.hasMoreMembers = this.membership.more
    this.news = new News(around.me, (event) => {
      around.profiles.want([event.actor_id])
      around.announce(this.id, event)
    })
    this.loading = this.log.loading
    this.hasOlder = this.log.hasOlder
    this.typingNow = new Typing(() => around.say({ action: 'typing', conversation_id: id }))
    this.cursor = new ReadCursor(async (seq) => {
      const { read_seq, read_count, unread_mentions } = await api.read(id, seq)
      this.readUpTo(read_seq, read_count, unread_mentions)
    })
  }

  private readonly outgoing = computed(() => this.around.outbox.items.value.filter((item) => item.conversation_id === this.id))

  readonly timeline = computed(() => {
    const { me, profiles } = this.around
    const kind = this.entry.value?.conversation.kind ?? 'direct'
    return buildTimeline(this.log.events.value, this.outgoing.value, { me, kind, user: (id) => profiles.get(id) }, this.kept)
  })

  readonly problem = computed(() => this.missing.value ?? this.log.problem.value)

  get me(): string {
    return this.around.me
  }

  readonly details = computed(() => this.entry.value?.conversation ?? null)

  readonly summary = computed(() =>
    summarize({
      id: this.id,
      me: this.around.me,
      entry: this.entry.value,
      members: this.membership.list.value ?? [],
      outgoing: this.outgoing.value,
      draft: this.draft.value,
      typing: this.typingNow.now.value,
      user: (userId) => this.around.profiles.get(userId),
    }),
  )

  /** Called when it comes on screen: shows what is kept, reads on, draws the line above what is new. */
  show(): void {
    this.drawLine = true
    this.placeLine()
    void this.log.open()
    if (this.entry.peek()?.settings?.marked_unread) void this.act(choose({ marked_unread: false }))
    if (!this.membership.list.peek()) void this.refresh()
  }

  setDraft(text: string): void {
    this.draft.value = text
    this.around.drafts.set(this.id, text)
  }

  async loadOlder(): Promise<void> {
    if (this.missing.peek()) await this.refresh()
    await (this.log.last === 0 ? this.log.open() : this.log.loadOlder())
  }

  async send(body: string, replyTo?: number): Promise<UserError | null> {
    const problem = checkBody(body)
    if (problem) return problem
    this.typingNow.pause()
    return toResult(() => this.around.outbox.add(this.id, body, replyTo))
  }

  retry(key: string): void {
    void this.around.outbox.retry(clientMessageIdIn(key))
  }

  discard(key: string): void {
    void this.around.outbox.discard(clientMessageIdIn(key))
  }

  markRead(seq: number): void {
    if (this.cursor.mark(seq)) this.readUpTo(seq, messageCountAt(this.entry.peek(), this.log.events.peek(), seq))
  }

  typing(): void {
    this.typingNow.key()
  }

  act(deed: Action): Promise<UserError | null> {
    return toResult(() =>
      deed({
        http: this.around.http,
        at: (rest) => at(this.id, rest),
        settle: (event) => this.settle(event),
        merge: (answer) => this.merge(answer),
        catchUp: () => void this.log.catchUp(),
        left: () => this.around.left(this.id),
        seen: this.around.seen,
        chosen: ({ settings }) => this.chosen(settings),
      }),
    )
  }

  /** Where the members are not all given: the next page of them. */
  loadMoreMembers(): Promise<UserError | null> {
    return toResult(() => this.membership.readOn())
  }

  // What the server says

  /** Takes the server's row, unless events have carried us further. */
  merge(answer: ConversationEntry & Partial<Pick<ConversationAnswer, 'users'>>): void {
    const { users, ...entry } = answer
    const now = this.entry.peek()
    batch(() => {
      this.missing.value = null
      if (users) this.around.profiles.learn(users)
      if (!now || entry.conversation.last_seq >= now.conversation.last_seq) {
        this.setEntry(answered(now, entry))
        this.membership.take(entry.conversation.members)
      }
      this.cursor.known(entry.read_seq)
      if (!now) this.news.since(entry.conversation.last_seq)
      else if (entry.last_message) this.news.tell([entry.last_message])
      this.placeLine()
    })
    this.around.profiles.want((entry.conversation.members ?? []).map((member) => member.user_id))
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
    if (userId === this.around.me) {
      const entry = this.entry.peek()
      this.cursor.known(seq)
      if (!entry || seq <= entry.read_seq) return
      const readCount = messageCountAt(entry, this.log.events.peek(), seq)
      if (readCount === undefined) this.refreshSoon()
      else this.readUpTo(seq, readCount)
    } else {
      this.membership.receipt(userId, seq)
    }
  }

  /** My settings for it, as they are now. */
  chosen(settings: Settings): void {
    const entry = this.entry.peek()
    if (entry) this.setEntry({ ...entry, settings })
  }

  typed(userId: string): void {
    if (userId === this.around.me) return
    this.around.profiles.want([userId])
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
    if (this.log.last < event.seq && this.log.active) await this.waiting.until(event.seq)
  }

  gone(problem: UserError): void {
    this.missing.value = problem
    this.stop()
  }

  stop(): void {
    clearTimeout(this.refreshing)
    this.refreshing = undefined
    this.log.close()
    this.cursor.stop()
    this.typingNow.stop()
    this.waiting.reached(Infinity)
  }

  private appended(events: readonly Event[]): void {
    this.advance(events)
    this.around.profiles.want(new Set(events.flatMap((e) => ('user_id' in e ? [e.actor_id, e.user_id] : [e.actor_id]))))
    for (const event of events) {
      if (event.type === 'message.created' && event.actor_id === this.around.me)
        void this.around.outbox.confirm(event.message.client_message_id)
    }
    this.waiting.reached(this.log.last)
  }

  /** Brings row and members forward by the events that are new to them. */
  private advance(events: readonly Event[]): void {
    const entry = this.entry.peek()
    const news = events.filter((event) => event.seq > (entry?.conversation.last_seq ?? Infinity))
    if (!entry || news.length === 0) return
    const { me } = this.around
    for (const event of news) if (event.type === 'message.created') this.typingNow.ended(event.actor_id)
    this.membership.advance(news)
    this.setEntry(applyEvents(entry, news, me))
    this.news.tell(news)
    if (news.some((event) => event.type === 'member.removed' && event.user_id === me)) this.around.left(this.id)
  }

  private readUpTo(seq: number, readCount: number | undefined, mentions?: number): void {
    const entry = this.entry.peek()
    if (!entry || seq < entry.read_seq) return
    this.setEntry(markReadUpTo(entry, seq, readCount, mentions))
  }

  private setEntry(entry: ConversationEntry): void {
    const members = entry.conversation.members ?? this.entry.peek()?.conversation.members
    this.entry.value = members ? { ...entry, conversation: { ...entry.conversation, members } } : entry
    void this.around.db.saveEntries([this.entry.value])
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

  /** Reads the row, and the members with their cursors, anew. */
  async refresh(): Promise<void> {
    const problem = await toResult(async () => this.merge(await this.around.api.conversation(this.id)))
    if (problem && !this.entry.peek()) this.missing.value = problem
  }
}
