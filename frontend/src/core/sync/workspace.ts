/** All conversations of the signed-in user: the list, incoming frames, and stored data. Ends with the session. */
import { batch, computed, signal } from '@preact/signals'
import { t } from '../../i18n'
import type { Action } from '../actions'
import type { Model } from '../model'
import { createApi } from '../net/api'
import type { Config } from '../net/config'
import { ApiError, type Result, toUserError, type UserError } from '../net/errors'
import { createHttp, type Http, type TokenSource } from '../net/http'
import { LIMITS, type ConversationResponse, type ConversationEntry, type ConversationsResponse, type Me, type MessageCreated, type NewConversation, type ServerFrame, type User } from '../net/protocol'
import { stableComputed } from '../stable'
import { Db } from '../storage/db'
import { Drafts } from '../storage/drafts'
import type { ConversationContext } from './context'
import { Conversation } from './conversation'
import { Outbox } from './outbox'
import { Poller } from './poller'
import { PresenceStore } from './presence'
import { Profiles } from './profiles'
import { Realtime } from './realtime'

type MessageListener = Parameters<Model['onMessage']>[0]

/** How many pages of the list are read at once; older conversations appear when they get a message. */
const MAX_INBOX_PAGES = 20

/** How many logs are read at once without a WebSocket connection; the others follow with the next poll. */
const MAX_LOGS_PER_POLL = 5

export class Workspace {
  readonly listError = signal<UserError | null>(null)
  private readonly presenceStore = new PresenceStore()
  readonly presence = this.presenceStore.current
  readonly realtime: Realtime
  private readonly poller: Poller
  readonly http: Http
  readonly api: ReturnType<typeof createApi>
  /** Aborted by `stop`. */
  private readonly ended = new AbortController()
  private readonly db: Db
  private readonly drafts: Drafts
  private readonly outbox: Outbox
  private readonly profiles: Profiles
  private readonly context: ConversationContext
  private readonly loaded = new Map<string, Conversation>()
  /** The conversations in the list; null until loaded. */
  private readonly listed = signal<readonly Conversation[] | null>(null)
  /** Conversations that the user left while the list was read: its pages may still have them. */
  private readonly leftIds = new Set<string>()
  private openId: string | null = null
  private inboxPromise: Promise<number> | null = null
  private readInboxAgain = false
  private readonly ready: Promise<void>
  private started = false

  constructor(
    readonly me: string,
    config: Promise<Config>,
    tokens: TokenSource,
    private readonly onMessage: MessageListener,
  ) {
    this.http = createHttp(config, tokens, this.ended.signal)
    const { http } = this
    const api = createApi(http)
    this.api = api
    this.db = Db.open(me)
    this.drafts = new Drafts(me)
    this.profiles = new Profiles({ read: (ids) => api.usersByIds(ids), save: (users) => void this.db.saveUsers(users) })
    this.outbox = new Outbox({
      me,
      load: () => this.db.outbox(),
      save: (item) => this.db.saveOutgoing(item),
      delete: (id) => this.db.deleteOutgoing(id),
      post: async (item) => (await api.send(item, this.realtime.connectionId)).event,
      readEvents: (id, after) => api.events(id, { after, limit: LIMITS.page_max }),
      lastSeenSeq: (id) => this.lastSeenSeq(id),
      applyEvent: (id, event) => {
        if (!this.isListed(id)) void this.fetchConversation(id)
        return this.conversation(id).applyEvent(event)
      },
    })
    this.realtime = new Realtime({
      ticket: () => api.ticket(),
      url: async () => (await config).wsUrl,
      onFrame: (frame) => this.onFrame(frame),
      onOnline: () => this.resume(),
    })
    this.poller = new Poller({
      needed: computed(() => !['online', 'suspended'].includes(this.realtime.connection.value)),
      read: () => this.poll(),
      onResponse: (reachable) => {
        const wasOffline = this.realtime.connection.peek() === 'offline'
        this.realtime.setReachable(reachable)
        if (reachable && wasOffline) this.outbox.wake()
      },
    })
    this.context = {
      me,
      api,
      http,
      db: this.db,
      drafts: this.drafts,
      outbox: this.outbox,
      profiles: this.profiles,
      setPresence: (userIds, presence, until) => this.presenceStore.set(userIds, presence, until),
      sendFrame: (frame) => this.realtime.send(frame),
      onNewMessage: (id, event) => this.notifyNewMessage(this.conversation(id), event),
      onLeft: (id) => this.onLeft(id),
    }
    this.ready = this.start().then(() => {
      this.started = true
    })
  }

  readonly conversations = stableComputed((): readonly Conversation[] | null => {
    const list = this.listed.value?.map((conversation) => ({ conversation, ...conversation.summary.value }))
    list?.sort((a, b) => Number(b.settings.pinned) - Number(a.settings.pinned) || b.at_ms - a.at_ms)
    return list?.map(({ conversation }) => conversation) ?? null
  })

  /** In muted conversations only mentions count. */
  readonly totalUnread = computed(() =>
    (this.listed.value ?? []).reduce((sum, { summary: { value } }) => sum + (value.settings.muted ? value.mentions : value.unread), 0),
  )

  /** Set the user's own profile. */
  setOwnProfile(me: Me): void {
    this.profiles.add([{ user_id: me.user_id, handle: me.handle, display_name: me.display_name }])
  }

  open(conversationId: string): Conversation {
    const conversation = this.conversation(conversationId)
    if (this.openId !== conversationId) {
      this.openId = conversationId
      // Synchronous once started: the timeline reads the position of the unread line when it mounts.
      if (this.started) conversation.show()
      else void this.ready.then(() => conversation.show())
    }
    return conversation
  }

  /** Mark the conversation as off screen; loaded data stays. */
  close(conversationId: string): void {
    if (this.openId === conversationId) this.openId = null
  }

  /** Create a conversation, or find the existing direct one; returns its id. */
  async createConversation(body: NewConversation): Promise<string> {
    const response = await this.api.create(body)
    this.addConversation(response)
    return response.conversation.conversation_id
  }

  act(conversationId: string, action: Action): Result {
    return this.conversation(conversationId).act(action)
  }

  /** Add a conversation that the user is a member of. */
  addConversation(response: ConversationResponse): void {
    this.mergeEntries([response])
    this.profiles.add(response.users)
  }

  /** Read the list from the server; after a failure `listError` is set. */
  async reload(): Promise<void> {
    await this.readInbox().catch(() => undefined)
  }

  addUsers(users: readonly User[]): void {
    this.profiles.add(users)
  }

  /** Stop everything at once, also requests in progress; resolves when the database is closed. */
  async stop(): Promise<void> {
    this.ended.abort()
    this.poller.stop()
    this.realtime.stop()
    this.presenceStore.stop()
    this.outbox.stop()
    this.drafts.stop()
    for (const conversation of this.loaded.values()) conversation.stop()
    await this.db.close()
  }

  /** Show the stored data, then read by HTTP and connect: neither waits for the other. */
  private async start(): Promise<void> {
    const [entries, users] = await Promise.all([this.db.inbox(), this.db.users()])
    if (this.ended.signal.aborted) return
    batch(() => {
      this.profiles.add(users, false)
      if (entries.length > 0) this.mergeEntries(entries, { stored: true })
    })
    this.realtime.start()
    this.poller.start()
    await this.outbox.start()
  }

  /** Read the list; a call during a read makes it read once more. Returns the number of requests. */
  private readInbox(): Promise<number> {
    this.readInboxAgain = this.inboxPromise !== null
    this.inboxPromise ??= this.readInboxRounds().finally(() => {
      this.inboxPromise = null
    })
    return this.inboxPromise
  }

  private async readInboxRounds(): Promise<number> {
    let requests = 0
    try {
      do {
        this.readInboxAgain = false
        requests += await this.readInboxPages()
      } while (this.readInboxAgain)
      this.listError.value = null
      return requests
    } catch (error) {
      this.listError.value = toUserError(error)
      throw error
    }
  }

  private async readInboxPages(): Promise<number> {
    const pages: ConversationsResponse[] = []
    this.leftIds.clear()
    let cursor: string | undefined
    try {
      do {
        const page = await this.api.conversations(cursor)
        pages.push(page)
        cursor = page.next_cursor
      } while (cursor && pages.length < MAX_INBOX_PAGES)
    } catch (error) {
      this.showPages(pages)
      throw error
    }
    const entries = this.showPages(pages)
    if (cursor) return pages.length
    return pages.length + (await this.removeUnlisted(new Set(entries.map((entry) => entry.conversation.conversation_id))))
  }

  /** Show pages of the list at once: they come in no particular order, so rows would move with each page. */
  private showPages(pages: readonly ConversationsResponse[]): ConversationEntry[] {
    const entries = pages.flatMap((page) => page.conversations).filter((entry) => !this.leftIds.has(entry.conversation.conversation_id))
    batch(() => {
      for (const { users } of pages) this.profiles.add(users)
      if (pages.length > 0) this.mergeEntries(entries)
    })
    return entries
  }

  /** Read what is new without a WebSocket connection. Returns the number of requests. */
  private async poll(): Promise<number> {
    const requests = await this.readInbox()
    const isOpen = ({ id }: Conversation): number => Number(id === this.openId)
    const behind = [...this.loaded.values()].filter((conversation) => conversation.isBehind).sort((a, b) => isOpen(b) - isOpen(a))
    behind.splice(MAX_LOGS_PER_POLL)
    await Promise.all(behind.map((conversation) => conversation.log.catchUp()))
    return requests + behind.length
  }

  /**
   * Check each conversation that the list lacks: the user may no longer be a member, or the list may be incomplete.
   * Returns the number of requests.
   */
  private async removeUnlisted(listedIds: ReadonlySet<string>): Promise<number> {
    const unlisted = (this.listed.peek() ?? []).filter(({ id }) => !listedIds.has(id))
    for (const { id } of unlisted) {
      try {
        this.mergeEntries([await this.api.conversation(id)])
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.onLeft(id)
      }
    }
    return unlisted.length
  }

  /** `stored`: the entries are from this browser, and may be old. */
  private mergeEntries(entries: readonly ConversationEntry[], { stored = false } = {}): void {
    const current = this.listed.peek() ?? []
    const listed = new Set(current)
    for (const entry of entries) {
      const conversation = this.conversation(entry.conversation.conversation_id)
      if (stored) conversation.restore(entry)
      else conversation.merge(entry)
      listed.add(conversation)
    }
    if (listed.size > current.length || this.listed.peek() === null) this.listed.value = [...listed]
  }

  private conversation(id: string): Conversation {
    const known = this.loaded.get(id)
    if (known) return known
    const conversation = new Conversation(id, this.context)
    this.loaded.set(id, conversation)
    return conversation
  }

  private isListed(id: string): boolean {
    return this.listed.peek()?.some((each) => each.id === id) ?? false
  }

  private onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'events': {
        const listed = this.isListed(frame.conversation_id)
        if (listed || this.openId === frame.conversation_id) this.conversation(frame.conversation_id).receive(frame.events)
        if (!listed) void this.fetchConversation(frame.conversation_id)
        break
      }
      case 'receipt':
        this.loaded.get(frame.conversation_id)?.applyReceipt(frame.user_id, frame.read_seq)
        break
      case 'typing':
        this.loaded.get(frame.conversation_id)?.onTyping(frame.user_id)
        break
      case 'presence':
        this.presenceStore.update(frame)
        break
      case 'settings':
        this.loaded.get(frame.conversation_id)?.applySettings(frame.settings)
        break
      case 'conversation':
        if (frame.change === 'removed') void this.fetchConversation(frame.conversation_id, true)
        else void this.fetchConversation(frame.conversation_id)
        break
      default:
        break
    }
  }

  /** Read a conversation that the list lacks, or that the user may have been removed from. */
  private async fetchConversation(id: string, maybeRemoved = false): Promise<void> {
    try {
      const response = await this.api.conversation(id)
      const isNew = !this.isListed(id)
      this.mergeEntries([response])
      if (isNew && response.last_message && response.unread > 0) this.notifyNewMessage(this.conversation(id), response.last_message)
    } catch (error) {
      if (maybeRemoved && error instanceof ApiError && error.status === 404) this.onLeft(id)
    }
  }

  private resume(): void {
    void this.reload()
    this.outbox.wake()
    for (const conversation of this.loaded.values()) conversation.resume()
  }

  private lastSeenSeq(id: string): number {
    const conversation = this.loaded.get(id)
    return Math.max(conversation?.log.lastSeq ?? 0, conversation?.entry.peek()?.conversation.last_seq ?? 0)
  }

  private notifyNewMessage(conversation: Conversation, event: MessageCreated): void {
    if (event.actor_id === this.me) return
    const mentioned = Object.values(event.message.mentions ?? {}).includes(this.me)
    if (conversation.entry.peek()?.settings?.muted && !mentioned) return
    const author = this.profiles.get(event.actor_id)
    const { id: conversationId, name: conversationName } = conversation.summary.peek()
    this.onMessage({ conversationId, conversationName, author, body: event.message.body })
  }

  private onLeft(id: string): void {
    this.leftIds.add(id)
    this.listed.value = (this.listed.peek() ?? []).filter((each) => each.id !== id)
    this.loaded.get(id)?.setUnavailable({ code: 'not_found', message: t('conversation.notFound.text') })
    if (this.openId !== id) this.loaded.delete(id)
    void this.db.deleteConversation(id)
  }
}
