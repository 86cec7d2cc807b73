/** Messages on their way: durable, in order, each sent until it is in the log, exactly once. One tab of many sends. */
import { signal } from '@preact/signals'
import type { UserError } from '../net/errors'
import { withLock, randomId, openBroadcastChannel } from '../platform/browser'
import { ApiError, toUserError } from '../net/errors'
import type { Event, EventsAnswer } from '../net/protocol'
import { backoff, Waker } from '../platform/time'

export interface OutgoingMessage {
  client_message_id: string
  conversation_id: string
  body: string
  reply_to?: number
  at_ms: number
  /** The newest seq known when it was written, so before any try: the server looks for earlier tries after it. */
  after_seq: number
  failed: UserError | null
}

export interface OutboxDeps {
  me: string
  load(): Promise<OutgoingMessage[]>
  keep(item: OutgoingMessage): Promise<unknown>
  drop(clientMessageId: string): Promise<unknown>
  /** One try, no retries. */
  post(item: OutgoingMessage): Promise<Event>
  read(conversationId: string, after: number): Promise<EventsAnswer>
  /** The newest seq of the conversation that this client has seen. */
  lastSeenSeq(conversationId: string): number
  /** The message is in the log as `event`: resolves when the replica shows it, or never will. */
  settle(conversationId: string, event: Event): Promise<void>
}

/** What the tabs of one browser tell each other. */
type TabMessage = { kind: 'changed' } | { kind: 'sent'; item: OutgoingMessage; event: Event }

export class Outbox {
  /** Oldest first. */
  readonly items = signal<readonly OutgoingMessage[]>([])
  private readonly waker = new Waker()
  private readonly sending = new Set<string>()
  /** Ids that this tab shows whatever the store says: not kept yet, or sent and not in the replica yet. */
  private readonly held = new Set<string>()
  /** Ids that are done with, so that a slow read of the store cannot bring them back. */
  private readonly done = new Set<string>()
  private readonly stopped = new AbortController()
  private readonly channel: { post(news: TabMessage): void; close(): void }
  private sender = false

  constructor(private readonly deps: OutboxDeps) {
    this.channel = openBroadcastChannel<TabMessage>(`imchat:outbox:${deps.me}`, (news) => void this.hear(news))
  }

  /** Shows what is kept and, when no other tab does, sends it. */
  async start(): Promise<void> {
    await this.reload()
    const send = async (): Promise<void> => {
      await this.reload()
      this.sender = true
      this.sendAllPending()
      await new Promise((resolve) => this.stopped.signal.addEventListener('abort', resolve))
    }
    void withLock(`imchat:outbox:${this.deps.me}`, send, this.stopped.signal).catch(() => undefined)
  }

  stop(): void {
    this.sender = false
    this.stopped.abort()
    this.waker.wake()
    this.channel.close()
  }

  /** Shows the message at once; resolves when it is durable. */
  async add(conversationId: string, body: string, replyTo?: number): Promise<void> {
    const newest = this.items.peek().at(-1)?.at_ms ?? 0
    const item: OutgoingMessage = {
      client_message_id: randomId(),
      conversation_id: conversationId,
      body,
      ...(replyTo !== undefined && { reply_to: replyTo }),
      at_ms: Math.max(Date.now(), newest + 1),
      after_seq: this.deps.lastSeenSeq(conversationId),
      failed: null,
    }
    this.held.add(item.client_message_id)
    this.items.value = [...this.items.peek(), item]
    if (await this.deps.keep(item)) this.held.delete(item.client_message_id)
    this.channel.post({ kind: 'changed' })
    void this.sendPending(conversationId)
  }

  async retry(clientMessageId: string): Promise<void> {
    const item = this.find(clientMessageId)
    if (!item?.failed) return
    await this.change({ ...item, failed: null })
    this.channel.post({ kind: 'changed' })
    void this.sendPending(item.conversation_id)
  }

  async discard(clientMessageId: string): Promise<void> {
    this.remove(clientMessageId)
    await this.deps.drop(clientMessageId)
    this.channel.post({ kind: 'changed' })
  }

  /** The log has it, from wherever that is known. */
  async confirm(clientMessageId: string): Promise<void> {
    if (this.find(clientMessageId)) await this.discard(clientMessageId)
  }

  /** Something changed for the better: try now what waits for its next try. */
  wake(): void {
    this.waker.wake()
    if (this.sender) this.sendAllPending()
  }

  private async hear(news: TabMessage): Promise<void> {
    if (news.kind === 'sent') {
      this.held.add(news.item.client_message_id)
      await this.deps.settle(news.item.conversation_id, news.event)
      this.remove(news.item.client_message_id)
      return
    }
    await this.reload()
    if (this.sender) this.sendAllPending()
  }

  private async reload(): Promise<void> {
    const stored = await this.deps.load()
    const ids = new Set(stored.map((item) => item.client_message_id))
    const shown = this.items.peek().filter((item) => this.held.has(item.client_message_id) && !ids.has(item.client_message_id))
    const open = stored.filter((item) => !this.done.has(item.client_message_id))
    this.items.value = [...open, ...shown].sort((a, b) => a.at_ms - b.at_ms)
  }

  private sendAllPending(): void {
    for (const id of new Set(this.items.peek().map((item) => item.conversation_id))) void this.sendPending(id)
  }

  /** Sends a conversation's messages one after another until none is left that can be sent. */
  private async sendPending(conversationId: string): Promise<void> {
    if (!this.sender || this.sending.has(conversationId)) return
    this.sending.add(conversationId)
    try {
      for (let attempt = 1; this.sender; ) {
        const item = this.items
          .peek()
          .find((i) => i.conversation_id === conversationId && !i.failed && !this.done.has(i.client_message_id))
        if (!item) return
        const wait = await this.attempt(item, attempt)
        attempt = wait === 0 ? 1 : attempt + 1
        if (wait > 0) await this.waker.sleep(wait)
      }
    } finally {
      this.sending.delete(conversationId)
    }
  }

  /** One try. Answers how long to wait before the next one; 0: go on. */
  private async attempt(item: OutgoingMessage, attempt: number): Promise<number> {
    try {
      await this.sent(item, await this.deps.post(item))
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) return backoff(attempt)
      if (error.status === 409 && error.details.reason === 'behind') return this.findInLog(item, attempt)
      if (error.retryable || error.status === 401) return Math.max(backoff(attempt), error.retryAfterMs)
      if (this.find(item.client_message_id)) await this.change({ ...item, failed: toUserError(error) })
      this.channel.post({ kind: 'changed' })
      return 0
    }
  }

  /** The log went on too far past `after_seq`: reads it, and either finds the message there or raises `after_seq`. */
  private async findInLog(item: OutgoingMessage, attempt: number): Promise<number> {
    let seen = item.after_seq
    try {
      for (let more = true; more; ) {
        const page = await this.deps.read(item.conversation_id, seen)
        const found = page.events.find((event) => isSameMessage(event, item, this.deps.me))
        if (found) {
          await this.sent(item, found)
          return 0
        }
        const last = page.events.at(-1)?.seq ?? seen
        more = page.has_more && last > seen
        seen = last
      }
    } catch {
      return backoff(attempt)
    }
    const raised = seen > item.after_seq
    await this.change({ ...item, after_seq: seen })
    return raised ? 0 : backoff(attempt)
  }

  private async sent(item: OutgoingMessage, event: Event): Promise<void> {
    const id = item.client_message_id
    if (this.find(id)) {
      this.held.add(id)
      this.done.add(id)
      await this.deps.drop(id)
      this.channel.post({ kind: 'sent', item, event })
    }
    // One that was discarded meanwhile too: this device hears of it here and nowhere else. The bubble stays until the log shows it; the next message need not wait for that.
    void this.deps.settle(item.conversation_id, event).finally(() => this.remove(id))
  }

  private async change(item: OutgoingMessage): Promise<void> {
    this.items.value = this.items.peek().map((i) => (i.client_message_id === item.client_message_id ? item : i))
    await this.deps.keep(item)
  }

  private remove(clientMessageId: string): void {
    this.done.add(clientMessageId)
    this.held.delete(clientMessageId)
    this.items.value = this.items.peek().filter((item) => item.client_message_id !== clientMessageId)
  }

  private find(clientMessageId: string): OutgoingMessage | undefined {
    return this.items.peek().find((item) => item.client_message_id === clientMessageId)
  }
}

export const isSameMessage = (event: Event, item: OutgoingMessage, me: string): boolean =>
  event.type === 'message.created' &&
  event.actor_id === me &&
  event.message.client_message_id === item.client_message_id
