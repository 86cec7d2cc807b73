/** Unsent messages: durable, sent in order and exactly once. Only one of the open tabs sends. */
import { signal } from '@preact/signals'
import { ApiError, toUserError } from '../net/errors'
import type { Event, EventsResponse } from '../net/protocol'
import type { OutgoingMessage } from '../net/types'
import { openBroadcastChannel, randomId, withLock } from '../platform/browser'
import { backoff, Waker } from '../platform/time'

export interface OutboxDeps {
  me: string
  load(): Promise<OutgoingMessage[]>
  save(item: OutgoingMessage): Promise<unknown>
  delete(clientMessageId: string): Promise<unknown>
  /** Send once, without retries. */
  post(item: OutgoingMessage): Promise<Event>
  readEvents(conversationId: string, after: number): Promise<EventsResponse>
  /** Return the newest seq of the conversation that this client has seen. */
  lastSeenSeq(conversationId: string): number
  /** Add the sent message to the log as `event`; resolves when the log shows it, or cannot. */
  applyEvent(conversationId: string, event: Event): Promise<void>
}

/** Messages between the tabs of a browser. */
type TabMessage = { kind: 'changed' } | { kind: 'sent'; item: OutgoingMessage; event: Event }

export class Outbox {
  /** Oldest first. */
  readonly items = signal<readonly OutgoingMessage[]>([])
  private readonly waker = new Waker()
  private readonly sending = new Set<string>()
  /** Ids that this tab shows regardless of the store: not stored yet, or sent and not in the log yet. */
  private readonly shownIds = new Set<string>()
  /** Ids of sent and discarded messages, so that a slow read of the store cannot restore them. */
  private readonly settledIds = new Set<string>()
  private readonly stopSignal = new AbortController()
  private readonly channel: { post(message: TabMessage): void; close(): void }
  private isSender = false

  constructor(private readonly deps: OutboxDeps) {
    this.channel = openBroadcastChannel<TabMessage>(`imchat:outbox:${deps.me}`, (message) => void this.onTabMessage(message))
  }

  /** Show the stored messages, and send them when no other tab does. */
  async start(): Promise<void> {
    await this.reload()
    const send = async (): Promise<void> => {
      await this.reload()
      this.isSender = true
      this.sendAllPending()
      await new Promise((resolve) => this.stopSignal.signal.addEventListener('abort', resolve))
    }
    void withLock(`imchat:outbox:${this.deps.me}`, send, this.stopSignal.signal).catch(() => undefined)
  }

  stop(): void {
    this.isSender = false
    this.stopSignal.abort()
    this.waker.wake()
    this.channel.close()
  }

  /** Add a message; it shows at once. Resolves when it is durable. */
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
    this.shownIds.add(item.client_message_id)
    this.items.value = [...this.items.peek(), item]
    if (await this.deps.save(item)) this.shownIds.delete(item.client_message_id)
    this.channel.post({ kind: 'changed' })
    void this.sendPending(conversationId)
  }

  async retry(clientMessageId: string): Promise<void> {
    const item = this.find(clientMessageId)
    if (!item?.failed) return
    await this.update({ ...item, failed: null })
    this.channel.post({ kind: 'changed' })
    void this.sendPending(item.conversation_id)
  }

  async discard(clientMessageId: string): Promise<void> {
    this.remove(clientMessageId)
    await this.deps.delete(clientMessageId)
    this.channel.post({ kind: 'changed' })
  }

  /** Remove a message that is in the log. */
  async confirm(clientMessageId: string): Promise<void> {
    if (this.find(clientMessageId)) await this.discard(clientMessageId)
  }

  /** Retry now instead of after the delay, for example when the connection is back. */
  wake(): void {
    this.waker.wake()
    if (this.isSender) this.sendAllPending()
  }

  private async onTabMessage(message: TabMessage): Promise<void> {
    if (message.kind === 'sent') {
      this.shownIds.add(message.item.client_message_id)
      await this.deps.applyEvent(message.item.conversation_id, message.event)
      this.remove(message.item.client_message_id)
      return
    }
    await this.reload()
    if (this.isSender) this.sendAllPending()
  }

  private async reload(): Promise<void> {
    const stored = await this.deps.load()
    const ids = new Set(stored.map((item) => item.client_message_id))
    const unstored = this.items.peek().filter((item) => this.shownIds.has(item.client_message_id) && !ids.has(item.client_message_id))
    const unsettled = stored.filter((item) => !this.settledIds.has(item.client_message_id))
    this.items.value = [...unsettled, ...unstored].sort((a, b) => a.at_ms - b.at_ms)
  }

  private sendAllPending(): void {
    for (const id of new Set(this.items.peek().map((item) => item.conversation_id))) void this.sendPending(id)
  }

  /** Send the messages of a conversation one after another until none is left to send. */
  private async sendPending(conversationId: string): Promise<void> {
    if (!this.isSender || this.sending.has(conversationId)) return
    this.sending.add(conversationId)
    try {
      for (let attempt = 1; this.isSender; ) {
        const item = this.items
          .peek()
          .find((i) => i.conversation_id === conversationId && !i.failed && !this.settledIds.has(i.client_message_id))
        if (!item) return
        const delayMs = await this.attempt(item, attempt)
        attempt = delayMs === 0 ? 1 : attempt + 1
        if (delayMs > 0) await this.waker.sleep(delayMs)
      }
    } finally {
      this.sending.delete(conversationId)
    }
  }

  /** Send once. Returns the delay before the next attempt; 0: continue. */
  private async attempt(item: OutgoingMessage, attempt: number): Promise<number> {
    try {
      await this.onSent(item, await this.deps.post(item))
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) return backoff(attempt)
      if (error.status === 409 && error.details.reason === 'behind') return this.findInLog(item, attempt)
      if (error.retryable || error.status === 401) return Math.max(backoff(attempt), error.retryAfterMs)
      if (this.find(item.client_message_id)) await this.update({ ...item, failed: toUserError(error) })
      this.channel.post({ kind: 'changed' })
      return 0
    }
  }

  /** The log is too far past `after_seq`: read it, and either find the message there or advance `after_seq`. */
  private async findInLog(item: OutgoingMessage, attempt: number): Promise<number> {
    let lastSeq = item.after_seq
    try {
      for (let more = true; more; ) {
        const page = await this.deps.readEvents(item.conversation_id, lastSeq)
        const found = page.events.find((event) => isSameMessage(event, item, this.deps.me))
        if (found) {
          await this.onSent(item, found)
          return 0
        }
        const last = page.events.at(-1)?.seq ?? lastSeq
        more = page.has_more && last > lastSeq
        lastSeq = last
      }
    } catch {
      return backoff(attempt)
    }
    const advanced = lastSeq > item.after_seq
    await this.update({ ...item, after_seq: lastSeq })
    return advanced ? 0 : backoff(attempt)
  }

  private async onSent(item: OutgoingMessage, event: Event): Promise<void> {
    const id = item.client_message_id
    if (this.find(id)) {
      this.shownIds.add(id)
      this.settledIds.add(id)
      await this.deps.delete(id)
      this.channel.post({ kind: 'sent', item, event })
    }
    // Also for a message discarded in the meantime: this device gets no push of it. The bubble stays until the log shows it; the next message does not wait.
    void this.deps.applyEvent(item.conversation_id, event).finally(() => this.remove(id))
  }

  private async update(item: OutgoingMessage): Promise<void> {
    this.items.value = this.items.peek().map((i) => (i.client_message_id === item.client_message_id ? item : i))
    await this.deps.save(item)
  }

  private remove(clientMessageId: string): void {
    this.settledIds.add(clientMessageId)
    this.shownIds.delete(clientMessageId)
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
