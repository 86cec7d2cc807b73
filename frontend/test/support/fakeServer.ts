/** An in-memory server that replaces `fetch` and `WebSocket`: one conversation, the API's rules, and faults on demand. */
import { vi } from 'vitest'
import type { ConversationResponse, Event, MessageCreated, ServerFrame } from '../../src/core/net/protocol'

export const ME = 'u-me'
export const PEER = 'u-peer'
export const ROOM = 'c-room'

interface Call {
  method: string
  path: string
  query: URLSearchParams
  body: Record<string, unknown>
}
/** Return what to respond instead of serving the request; undefined: serve it. */
type Fault = (call: Call) => Response | 'network' | undefined

type Draft = { type: 'message.created'; body: string; id: string } | { type: 'member.removed' | 'member.added'; user_id: string }

export class Server {
  log: Event[] = []
  readSeq = 0
  readonly calls: Call[] = []
  readonly sockets: FakeSocket[] = []
  /** Called before a request is served. */
  before: Fault = () => undefined
  /** Called after a request was served; can lose its response. */
  after: Fault = () => undefined
  pushes = true
  behindAfter = 1000

  constructor() {
    this.log.push({ seq: 1, at_ms: 1, actor_id: PEER, message_count: 0, type: 'conversation.created', kind: 'direct', title: null, member_ids: [ME, PEER] })
    vi.stubGlobal('fetch', (url: string | URL, init: RequestInit = {}) => this.fetch(String(url), init))
    vi.stubGlobal('WebSocket', this.socketClass())
  }

  /** Add a message of the peer (or of `actor`); pushed if `pushes` is on. `excluded`: the connection that gets no push. */
  addMessage(body: string, actor = PEER, id = `theirs-${this.log.length}`, excluded?: unknown): MessageCreated {
    return this.append(actor, { type: 'message.created', body, id }, excluded) as MessageCreated
  }

  append(actor_id: string, draft: Draft, excluded?: unknown): Event {
    const count = this.log.at(-1)?.message_count ?? 0
    const base = { seq: this.log.length + 1, at_ms: 1000 + this.log.length, actor_id }
    const event: Event =
      draft.type === 'message.created'
        ? { ...base, type: draft.type, message_count: count + 1, message: { client_message_id: draft.id, body: draft.body } }
        : draft.type === 'member.added'
          ? { ...base, type: draft.type, message_count: count, user_id: draft.user_id, role: 'member' }
          : { ...base, type: draft.type, message_count: count, user_id: draft.user_id }
    this.log.push(event)
    if (this.pushes) this.push({ type: 'events', conversation_id: ROOM, events: [event] }, excluded)
    return event
  }

  /** Push a frame to all open connections except `excluded`. */
  push(frame: ServerFrame, excluded?: unknown): void {
    for (const socket of this.sockets) {
      if (socket.readyState !== 1 || socket.connectionId === excluded) continue
      socket.pushed.push(frame.type)
      socket.onmessage?.({ data: JSON.stringify(frame) })
    }
  }

  /** Return the bodies of the send requests that reached the server. */
  sends(): Record<string, unknown>[] {
    return this.calls.filter((call) => call.path.endsWith('/messages')).map((call) => call.body)
  }

  reads(): Call[] {
    return this.calls.filter((call) => call.path.endsWith('/events'))
  }

  bodies(): string[] {
    return this.log.filter((event) => event.type === 'message.created').map((event) => event.message.body)
  }

  entry(): ConversationResponse {
    const last = this.log.findLast((event) => event.type === 'message.created')
    const head = this.log.at(-1) as Event
    const read_count = this.log[this.readSeq - 1]?.message_count ?? 0
    const unread = last?.actor_id === ME ? 0 : head.message_count - read_count
    return {
      conversation: {
        conversation_id: ROOM,
        kind: 'direct',
        title: null,
        created_at_ms: 1,
        last_seq: head.seq,
        message_count: head.message_count,
        pinned: [],
        members: [
          { user_id: ME, role: 'member', joined_seq: 1, read_seq: this.readSeq },
          { user_id: PEER, role: 'member', joined_seq: 1, read_seq: 1 },
        ],
      },
      unread,
      read_seq: this.readSeq,
      read_count,
      ...(last && { last_message: last }),
      users: [
        { user_id: ME, handle: 'me', display_name: 'Me' },
        { user_id: PEER, handle: 'peer', display_name: 'Peer' },
      ],
    }
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    const { pathname, searchParams } = new URL(url)
    const body = typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {}
    const call = { method: init.method ?? 'GET', path: pathname.replace('/api', ''), query: searchParams, body }
    this.calls.push(call)
    const fault = this.before(call) ?? this.serveWithFaults(call)
    if (fault === 'network') throw new TypeError('Failed to fetch')
    return fault
  }

  private serveWithFaults(call: Call): Response | 'network' {
    const answer = this.serve(call)
    return this.after(call) ?? answer
  }

  private serve({ method, path, query, body }: Call): Response {
    if (path === '/realtime/tickets') return json(201, { ticket: 'ticket-1', expires_at_ms: 0 })
    if (path === '/users') return json(200, { users: this.entry().users })
    if (path === '/conversations') return json(200, { conversations: [this.entry()], users: this.entry().users })
    if (path === `/conversations/${ROOM}`) return json(200, this.entry())
    if (path === `/conversations/${ROOM}/events`) return json(200, this.page(query))
    if (path === `/conversations/${ROOM}/read` && method === 'PUT') {
      this.readSeq = Math.max(this.readSeq, Number(body.seq))
      const { read_seq, read_count, unread } = this.entry()
      return json(200, { read_seq, read_count, unread })
    }
    if (path === `/conversations/${ROOM}/messages`) return this.send(body)
    return errorResponse(404, 'not_found')
  }

  private send(body: Record<string, unknown>): Response {
    const after = Number(body.after_seq)
    if (this.log.length - after > this.behindAfter) return errorResponse(409, 'conflict', { reason: 'behind' })
    const id = String(body.client_message_id)
    const before = this.log.find(
      (event) => event.seq > after && event.type === 'message.created' && event.actor_id === ME && event.message.client_message_id === id,
    )
    return before ? json(200, { event: before }) : json(201, { event: this.addMessage(String(body.body), ME, id, body.connection_id) })
  }

  private page(query: URLSearchParams): { events: Event[]; has_more: boolean } {
    const limit = Number(query.get('limit'))
    const after = query.get('after')
    const before = Number(query.get('before') ?? Infinity)
    const all = after === null ? this.log.filter((e) => e.seq < before) : this.log.filter((e) => e.seq > Number(after))
    return { events: after === null ? all.slice(-limit) : all.slice(0, limit), has_more: all.length > limit }
  }

  private socketClass(): unknown {
    const { sockets } = this
    return class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, `connection-${sockets.length + 1}=`)
        sockets.push(this)
      }
    }
  }
}

export class FakeSocket {
  static readonly OPEN = 1
  static refuse = false
  readyState = 0
  readonly sent: { action: string }[] = []
  readonly pushed: string[] = []
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  /** Whether the client has received its connection id. */
  idSent = false
  /** Whether pings are answered. */
  alive = true

  constructor(
    readonly url: string,
    readonly protocols: string[],
    readonly connectionId: string,
  ) {
    setTimeout(() => {
      if (this.readyState !== 0) return
      if (FakeSocket.refuse) return this.drop()
      this.readyState = 1
      this.onopen?.()
    }, 1)
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { action: string }
    this.sent.push(frame)
    const pong = { type: 'pong', connection_id: this.connectionId }
    if (frame.action === 'ping' && this.alive) {
      setTimeout(() => {
        this.onmessage?.({ data: JSON.stringify(pong) })
        this.idSent = true
      }, 1)
    }
  }

  close(): void {
    this.readyState = 3
  }

  /** Close the connection from the server's side. */
  drop(): void {
    this.readyState = 3
    this.onclose?.()
  }
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers })

export const errorResponse = (status: number, code: string, details = {}, headers: Record<string, string> = {}): Response =>
  json(status, { error: { code, message: 'for developers', retryable: status >= 429, request_id: 'r', details } }, headers)
