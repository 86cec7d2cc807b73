/** One conversation as the views see it: its summary, its timeline, and its actions. */
import { batch, computed, signal } from '@preact/signals'
import { updateSettings, type Action } from '../actions'
import { displayName } from '../displayName'
import type { ConversationModel } from '../model'
import { conversationPath } from '../net/api'
import { toResult, type UserError } from '../net/errors'
import type { ConversationResponse, ConversationEntry, Event, Settings } from '../net/protocol'
import { isEqual, stableComputed } from '../stable'
import { checkMessage } from '../validation'
import type { ConversationContext } from './context'
import { EventLog } from './eventLog'
import { Membership } from './membership'
import { NewMessages } from './newMessages'
import { ReadCursor } from './readCursor'
import { SeqWaiters } from './seqWaiters'
import { applyEvents, markReadUpTo, mergeServerEntry, messageCountAt, summarize } from './summary'
import { buildTimeline, clientMessageIdIn, type TimelineCache } from './timeline'
import { Typing } from './typing'

const REFRESH_DELAY_MS = 150

export class Conversation implements ConversationModel {
  /** The server's entry, updated by events; null until loaded. */
  readonly entry = signal<ConversationEntry | null>(null)
  private readonly membership: Membership
  readonly members: Membership['withProfiles']
  readonly readByOthers: Membership['readByOthers']
  readonly hasMoreMembers: Membership['hasMore']
  private readonly unavailable = signal<UserError | null>(null)
  readonly unreadFrom = signal<number | null>(null)
  readonly draft = signal('')
  readonly log: EventLog
  readonly loading: EventLog['loading']
  readonly hasOlder: EventLog['hasOlder']
  private readonly typingState: Typing
  private readonly cursor: ReadCursor
  private readonly timelineCache: TimelineCache = new WeakMap()
  private readonly newMessages: NewMessages
  private unreadLinePending = false
  private refreshTimer: ReturnType<typeof setTimeout> | undefined
  private readonly seqWaiters = new SeqWaiters()
  /** Whether `entry` was read from the server: a stored one does not count what arrived since. */
  private isFresh = false
  private onEntryRead: () => void = () => undefined
  /** Resolves when the entry was read, or cannot be. */
  private readonly entryRead = new Promise<void>((resolve) => (this.onEntryRead = resolve))

  constructor(
    readonly id: string,
    private readonly context: ConversationContext,
  ) {
    const { api, db, drafts } = context
    this.draft.value = drafts.get(id)
    this.log = new EventLog({
      read: (query) => api.events(id, query),
      load: () => db.events(id),
      save: (events) => void db.saveEvents(id, events),
      latestSeq: () => this.entry.peek()?.conversation.last_seq ?? 0,
      onAppended: (events) => this.onAppended(events),
      beforeFirstRead: () => this.entryRead,
    })
    this.membership = new Membership(id, context)
    this.members = this.membership.withProfiles
    this.readByOthers = this.membership.readByOthers
    this.hasMoreMembers = this.membership.hasMore
    this.newMessages = new NewMessages(context.me, (event) => {
      context.profiles.load([event.actor_id])
      context.onNewMessage(this.id, event)
    })
    this.loading = this.log.loading
    this.hasOlder = this.log.hasOlder
    this.typingState = new Typing(() => context.sendFrame({ action: 'typing', conversation_id: id }))
    this.cursor = new ReadCursor(async (seq) => {
      const { read_seq, read_count, unread_mentions } = await api.read(id, seq)
      this.readUpTo(read_seq, read_count, unread_mentions)
    })
  }

  private readonly outgoing = stableComputed(() => this.context.outbox.items.value.filter((item) => item.conversation_id === this.id))

  readonly timeline = computed(() => {
    const { me, profiles } = this.context
    const kind = this.entry.value?.conversation.kind ?? 'direct'
    return buildTimeline(this.log.events.value, this.outgoing.value, { me, kind, user: (id) => profiles.get(id) }, this.timelineCache)
  })

  readonly error = computed(() => this.unavailable.value ?? this.log.error.value)

  get me(): string {
    return this.context.me
  }

  readonly details = stableComputed(() => this.entry.value?.conversation ?? null)

  readonly summary = stableComputed(() =>
    summarize({
      id: this.id,
      me: this.context.me,
      entry: this.entry.value,
      members: this.membership.list.value ?? [],
      outgoing: this.outgoing.value,
      user: (userId) => this.context.profiles.get(userId),
    }),
  )

  readonly identity = stableComputed(() => {
    const { kind, name, peer } = this.summary.value
    return { kind, name, ...(peer && { peer }) }
  })

  readonly typingNames = stableComputed(() => this.typingState.userIds.value.map((userId) => displayName(this.context.profiles.get(userId))))

  /** Show the conversation: load the stored events, read new ones, and place the line above unread messages. */
  show(): void {
    this.unreadLinePending = true
    this.updateUnreadLine()
    // Before the log: the line must be known when the timeline shows what arrived since the last visit.
    if (!this.isFresh || !this.membership.list.peek()) void this.refresh()
    void this.log.open()
    if (this.isBehind) void this.log.catchUp()
    if (this.entry.peek()?.settings?.marked_unread) void this.act(updateSettings({ marked_unread: false }))
  }

  /** Whether the log is kept up to date, but lacks events. */
  get isBehind(): boolean {
    const lastSeq = this.entry.peek()?.conversation.last_seq ?? 0
    return this.log.active && this.log.lastSeq > 0 && this.log.lastSeq < lastSeq
  }

  setDraft(text: string): void {
    this.draft.value = text
    this.context.drafts.set(this.id, text)
  }

  async loadOlder(): Promise<void> {
    if (this.unavailable.peek()) await this.refresh()
    await (this.log.lastSeq === 0 ? this.log.open() : this.log.loadOlder())
  }

  async send(body: string, replyTo?: number): Promise<UserError | null> {
    const error = checkMessage(body)
    if (error) return error
    this.typingState.reset()
    return toResult(() => this.context.outbox.add(this.id, body, replyTo))
  }

  retry(key: string): void {
    void this.context.outbox.retry(clientMessageIdIn(key))
  }

  discard(key: string): void {
    void this.context.outbox.discard(clientMessageIdIn(key))
  }

  markRead(seq: number): void {
    if (this.cursor.advance(seq)) this.readUpTo(seq, messageCountAt(this.entry.peek(), this.log.events.peek(), seq))
  }

  typing(): void {
    this.typingState.onKeystroke()
  }

  act(action: Action): Promise<UserError | null> {
    return toResult(() =>
      action({
        http: this.context.http,
        path: (rest) => conversationPath(this.id, rest),
        applyEvent: (event) => this.applyEvent(event),
        mergeConversation: (response) => this.merge(response),
        catchUp: () => void this.log.catchUp(),
        onLeft: () => this.context.onLeft(this.id),
        setPresence: this.context.setPresence,
        applySettings: ({ settings }) => this.applySettings(settings),
      }),
    )
  }

  loadMoreMembers(): Promise<UserError | null> {
    return toResult(() => this.membership.loadMore())
  }

  /** Use an entry stored in this browser until the server's is read. */
  restore(entry: ConversationEntry): void {
    this.mergeEntry(entry, false)
  }

  /** Merge the server's entry, unless events have already gone past it. */
  merge(response: ConversationEntry & Partial<Pick<ConversationResponse, 'users'>>): void {
    const { users, ...entry } = response
    batch(() => {
      if (users) this.context.profiles.add(users)
      this.isFresh = true
      this.mergeEntry(entry)
    })
    this.onEntryRead()
  }

  private mergeEntry(entry: ConversationEntry, save = true): void {
    const current = this.entry.peek()
    batch(() => {
      this.unavailable.value = null
      if (!current || entry.conversation.last_seq >= current.conversation.last_seq) {
        this.setEntry(mergeServerEntry(current, entry), save)
        this.membership.setMembers(entry.conversation.members)
      }
      this.cursor.setServerSeq(entry.read_seq)
      if (!current) this.newMessages.startAfter(entry.conversation.last_seq)
      else if (entry.last_message) this.newMessages.receive([entry.last_message])
      this.updateUnreadLine()
    })
    this.context.profiles.load((entry.conversation.members ?? []).map((member) => member.user_id))
  }

  /** Apply pushed events. */
  receive(events: readonly Event[]): void {
    if (this.log.active) return this.log.apply(events)
    const lastSeq = this.entry.peek()?.conversation.last_seq
    const first = events[0]?.seq ?? 0
    batch(() => this.applyNewEvents(events))
    if (lastSeq === undefined || first > lastSeq + 1) this.scheduleRefresh()
  }

  applyReceipt(userId: string, seq: number): void {
    if (userId === this.context.me) {
      const entry = this.entry.peek()
      this.cursor.setServerSeq(seq)
      if (!entry || seq <= entry.read_seq) return
      const readCount = messageCountAt(entry, this.log.events.peek(), seq)
      if (readCount === undefined) this.scheduleRefresh()
      else this.readUpTo(seq, readCount)
    } else {
      this.membership.applyReceipt(userId, seq)
    }
  }

  /** Set the user's own settings of the conversation. */
  applySettings(settings: Settings): void {
    const entry = this.entry.peek()
    if (entry) this.setEntry({ ...entry, settings })
  }

  onTyping(userId: string): void {
    if (userId === this.context.me) return
    this.context.profiles.load([userId])
    this.typingState.started(userId)
  }

  /** The connection is back: read missed events. */
  resume(): void {
    if (this.log.active) void (this.log.lastSeq === 0 ? this.log.open() : this.log.catchUp())
    this.cursor.flush()
  }

  /** Add `event` to the log; resolves when the log shows it, or cannot. */
  async applyEvent(event: Event): Promise<void> {
    if (!this.log.active) return this.receive([event])
    this.log.apply([event])
    if (this.log.lastSeq < event.seq) await this.log.catchUp()
    if (this.log.lastSeq < event.seq && this.log.active) await this.seqWaiters.waitFor(event.seq)
  }

  setUnavailable(error: UserError): void {
    this.unavailable.value = error
    this.stop()
  }

  stop(): void {
    clearTimeout(this.refreshTimer)
    this.refreshTimer = undefined
    this.log.close()
    this.cursor.stop()
    this.typingState.stop()
    this.seqWaiters.resolveUpTo(Infinity)
  }

  private onAppended(events: readonly Event[]): void {
    this.applyNewEvents(events)
    this.context.profiles.load(new Set(events.flatMap((e) => ('user_id' in e ? [e.actor_id, e.user_id] : [e.actor_id]))))
    for (const event of events) {
      if (event.type === 'message.created' && event.actor_id === this.context.me)
        void this.context.outbox.confirm(event.message.client_message_id)
    }
    this.seqWaiters.resolveUpTo(this.log.lastSeq)
  }

  /** Update the entry and the members with those of `events` that are newer. */
  private applyNewEvents(events: readonly Event[]): void {
    const entry = this.entry.peek()
    const newEvents = events.filter((event) => event.seq > (entry?.conversation.last_seq ?? Infinity))
    if (!entry || newEvents.length === 0) return
    const { me } = this.context
    for (const event of newEvents) if (event.type === 'message.created') this.typingState.ended(event.actor_id)
    this.membership.applyEvents(newEvents)
    this.setEntry(applyEvents(entry, newEvents, me))
    this.newMessages.receive(newEvents)
    if (newEvents.some((event) => event.type === 'member.removed' && event.user_id === me)) this.context.onLeft(this.id)
  }

  private readUpTo(seq: number, readCount: number | undefined, mentions?: number): void {
    const entry = this.entry.peek()
    if (!entry || seq < entry.read_seq) return
    this.setEntry(markReadUpTo(entry, seq, readCount, mentions))
  }

  private setEntry(entry: ConversationEntry, save = true): void {
    const before = this.entry.peek()
    const members = entry.conversation.members ?? before?.conversation.members
    const after = members ? { ...entry, conversation: { ...entry.conversation, members } } : entry
    // Most entries that a poll or a reconnect reads are unchanged.
    if (isEqual(before, after)) return
    this.entry.value = after
    if (save) void this.context.db.saveEntry(after)
  }

  private updateUnreadLine(): void {
    const entry = this.entry.peek()
    if (!this.unreadLinePending || !entry) return
    this.unreadLinePending = !this.isFresh
    this.unreadFrom.value = entry.unread > 0 ? entry.read_seq : null
  }

  private scheduleRefresh(): void {
    this.refreshTimer ??= setTimeout(() => {
      this.refreshTimer = undefined
      void this.refresh()
    }, REFRESH_DELAY_MS)
  }

  /** Read the entry, and the members with their read cursors, again. */
  async refresh(): Promise<void> {
    const error = await toResult(async () => this.merge(await this.context.api.conversation(this.id)))
    if (error && !this.entry.peek()) this.unavailable.value = error
    this.onEntryRead()
  }
}
