/** All of one signed-in person's conversations: the list, what arrives, and what is kept. Ends with their session. */
import { batch, computed, signal } from '@preact/signals'
import { createApi } from '../net/api'
import type { Config } from '../net/config'
import { Conversation } from './conversation'
import { Db } from '../storage/db'
import { Drafts } from '../storage/drafts'
import type { Http } from '../net/http'
import type { Action } from '../actions'
import type { ConversationSummary, Model } from '../model'
import type { Result, UserError } from '../net/errors'
import { Outbox } from './outbox'
import { ApiError, toUserError } from '../net/errors'
import { PresenceStore } from './presence'
import { Profiles } from './profiles'
import { LIMITS, type ConversationAnswer, type ConversationEntry, type Me, type MessageCreated, type NewConversation, type ServerFrame, type User } from '../net/protocol'
import { Realtime } from './realtime'
import type { ConversationContext } from './context'

type Listener = Parameters<Model['onMessage']>[0]

/** Pages of the inbox read at once; what lies further back turns up when it is written in. */
const MAX_INBOX_PAGES = 20

export class Workspace {
  readonly listError = signal<UserError | null>(null)
  private readonly presenceStore = new PresenceStore()
  readonly presence = this.presenceStore.now
  readonly realtime: Realtime
  readonly api: ReturnType<typeof createApi>
  private readonly db: Db
  private readonly drafts: Drafts
  private readonly outbox: Outbox
  private readonly profiles: Profiles
  private readonly conversationContext: ConversationContext
  private readonly opened = new Map<string, Conversation>()
  /** Those of the list; null until first known. */
  private readonly listed = signal<readonly Conversation[] | null>(null)
  private shown: string | null = null
  private reading: Promise<void> | null = null
  private readonly ready: Promise<void>
  private started = false

  constructor(
    readonly me: string,
    config: Promise<Config>,
    http: Http,
    private readonly tell: Listener,
  ) {
    const api = createApi(http)
    this.api = api
    this.db = Db.open(me)
    this.drafts = new Drafts(me)
    this.profiles = new Profiles({ read: (ids) => api.usersByIds(ids), keep: (users) => void this.db.saveUsers(users) })
    this.outbox = new Outbox({
      me,
      load: () => this.db.outbox(),
      keep: (item) => this.db.saveOutgoing(item),
      drop: (id) => this.db.deleteOutgoing(id),
      post: async (item) => (await api.send(item, this.realtime.connectionId)).event,
      read: (id, after) => api.events(id, { after, limit: LIMITS.page_max }),
      lastSeenSeq: (id) => this.lastSeenSeq(id),
      settle: (id, event) => {
        if (!this.lists(id)) void this.discover(id)
        return this.conversation(id).settle(event)
      },
    })
    this.realtime = new Realtime({
      ticket: () => api.ticket(),
      url: async () => (await config).wsUrl,
      onFrame: (frame) => this.hear(frame),
      onOnline: () => this.resume(),
    })
    this.conversationContext = {
      me,
      api,
      http,
      db: this.db,
      drafts: this.drafts,
      outbox: this.outbox,
      profiles: this.profiles,
      seen: (asked, presence, until) => this.presenceStore.seen(asked, presence, until),
      say: (frame) => this.realtime.send(frame),
      announce: (id, event) => this.announce(this.conversation(id), event),
      left: (id) => this.left(id),
    }
    this.ready = this.start().then(() => {
      this.started = true
    })
  }

  readonly conversations = computed((): ConversationSummary[] | null => {
    const list = this.listed.value?.map((conversation) => conversation.summary.value)
    return list?.sort((a, b) => Number(b.settings.pinned) - Number(a.settings.pinned) || b.at_ms - a.at_ms) ?? null
  })

  /** Of what is muted only the mentions count. */
  readonly totalUnread = computed(() =>
    (this.conversations.value ?? []).reduce((sum, { settings, unread, mentions }) => sum + (settings.muted ? mentions : unread), 0),
  )

  /** Our own profile, as it is now. */
  know(me: Me): void {
    this.profiles.learn([{ user_id: me.user_id, handle: me.handle, display_name: me.display_name }])
  }

  open(conversationId: string): Conversation {
    const conversation = this.conversation(conversationId)
    if (this.shown !== conversationId) {
      this.shown = conversationId
      // At once where it can be: the timeline reads where the unread line is when it mounts.
      if (this.started) conversation.show()
      else void this.ready.then(() => conversation.show())
    }
    return conversation
  }

  /** It left the screen; what is loaded stays. */
  close(conversationId: string): void {
    if (this.shown === conversationId) this.shown = null
  }

  /** Starts a conversation, or finds the direct one that exists. */
  async begin(body: NewConversation): Promise<string> {
    const answer = await this.api.create(body)
    this.join(answer)
    return answer.conversation.conversation_id
  }

  act(conversationId: string, deed: Action): Result {
    return this.conversation(conversationId).act(deed)
  }

  /** A conversation that the server says is ours. */
  join(answer: ConversationAnswer): void {
    this.take([answer])
    this.profiles.learn(answer.users)
  }

  /** Reads the list from the server. */
  reload(): Promise<void> {
    this.reading ??= this.readInbox().finally(() => {
      this.reading = null
    })
    return this.reading
  }

  learnUsers(users: readonly User[]): void {
    this.profiles.learn(users)
  }

  /** Stops everything; with `forget`, nothing of this person stays in the browser. */
  async stop({ forget }: { forget: boolean }): Promise<void> {
    this.realtime.stop()
    this.presenceStore.stop()
    this.outbox.stop()
    for (const conversation of this.opened.values()) conversation.stop()
    if (forget) {
      this.drafts.clear()
      await this.db.destroy()
    } else {
      await this.db.close()
    }
  }

  /** Paints from what is kept; only then does the network begin to matter. */
  private async start(): Promise<void> {
    const [entries, users] = await Promise.all([this.db.inbox(), this.db.users()])
    batch(() => {
      this.profiles.learn(users, false)
      if (entries.length > 0) this.take(entries)
    })
    await this.outbox.start()
    this.realtime.start()
  }

  private async readInbox(): Promise<void> {
    try {
      const found = new Set<string>()
      let cursor: string | undefined
      for (let page = 0; page < MAX_INBOX_PAGES; page++) {
        const answer = await this.api.conversations(cursor)
        batch(() => {
          this.profiles.learn(answer.users)
          this.take(answer.conversations)
        })
        for (const entry of answer.conversations) found.add(entry.conversation.conversation_id)
        cursor = answer.next_cursor
        if (!cursor) break
      }
      if (!cursor) await this.dropUnlisted(found)
      this.listError.value = null
    } catch (error) {
      this.listError.value = toUserError(error)
    }
  }

  /** What was ours while we were away may be so no longer; the server is asked about each, for lists are only hints. */
  private async dropUnlisted(found: ReadonlySet<string>): Promise<void> {
    for (const { id } of this.listed.peek() ?? []) {
      if (found.has(id)) continue
      try {
        this.take([await this.api.conversation(id)])
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.left(id)
      }
    }
  }

  private take(entries: readonly ConversationEntry[]): void {
    const fresh: Conversation[] = []
    const now = this.listed.peek() ?? []
    for (const entry of entries) {
      const conversation = this.conversation(entry.conversation.conversation_id)
      conversation.merge(entry)
      if (!now.includes(conversation)) fresh.push(conversation)
    }
    if (fresh.length > 0 || this.listed.peek() === null) this.listed.value = [...now, ...fresh]
  }

  private conversation(id: string): Conversation {
    const known = this.opened.get(id)
    if (known) return known
    const conversation = new Conversation(id, this.conversationContext)
    this.opened.set(id, conversation)
    return conversation
  }

  private lists(id: string): boolean {
    return this.listed.peek()?.some((each) => each.id === id) ?? false
  }

  private hear(frame: ServerFrame): void {
    switch (frame.type) {
      case 'events': {
        const listed = this.lists(frame.conversation_id)
        if (listed || this.shown === frame.conversation_id) this.conversation(frame.conversation_id).receive(frame.events)
        if (!listed) void this.discover(frame.conversation_id)
        break
      }
      case 'receipt':
        this.opened.get(frame.conversation_id)?.receipt(frame.user_id, frame.read_seq)
        break
      case 'typing':
        this.opened.get(frame.conversation_id)?.typed(frame.user_id)
        break
      case 'presence':
        this.presenceStore.changed(frame)
        break
      case 'settings':
        this.opened.get(frame.conversation_id)?.chosen(frame.settings)
        break
      case 'conversation':
        if (frame.change === 'removed') void this.discover(frame.conversation_id, true)
        else void this.discover(frame.conversation_id)
        break
      default:
        break
    }
  }

  /** A conversation that the list lacks, or that may be ours no longer. */
  private async discover(id: string, maybeGone = false): Promise<void> {
    try {
      const answer = await this.api.conversation(id)
      const isNew = !this.lists(id)
      this.take([answer])
      if (isNew && answer.last_message && answer.unread > 0) this.announce(this.conversation(id), answer.last_message)
    } catch (error) {
      if (maybeGone && error instanceof ApiError && error.status === 404) this.left(id)
    }
  }

  private resume(): void {
    void this.reload()
    this.outbox.wake()
    for (const conversation of this.opened.values()) conversation.resume()
  }

  private lastSeenSeq(id: string): number {
    const conversation = this.opened.get(id)
    return Math.max(conversation?.log.last ?? 0, conversation?.entry.peek()?.conversation.last_seq ?? 0)
  }

  private announce(conversation: Conversation, event: MessageCreated): void {
    if (event.actor_id === this.me) return
    const mentioned = Object.values(event.message.mentions ?? {}).includes(this.me)
    if (conversation.entry.peek()?.settings?.muted && !mentioned) return
    const author = this.profiles.get(event.actor_id)
    const { id: conversationId, name: conversationName } = conversation.summary.peek()
    this.tell({ conversationId, conversationName, author, body: event.message.body })
  }

  private left(id: string): void {
    this.listed.value = (this.listed.peek() ?? []).filter((each) => each.id !== id)
    this.opened.get(id)?.gone({ code: 'not_found', message: 'You are not in this conversation, or it does not exist.' })
    if (this.shown !== id) this.opened.delete(id)
    void this.db.forgetConversation(id)
  }
}
