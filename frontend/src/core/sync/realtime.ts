/** The socket: opened with a ticket, watched, renewed before its time, opened again when it broke. */
import { signal } from '@preact/signals'
import type { Connection } from '../model'
import { ApiError } from '../net/errors'
import type { ClientFrame, ServerFrame } from '../net/protocol'
import { backoff } from '../platform/time'

const PING_MS = 4 * 60_000
const PONG_MS = 10_000
/** A socket that was quiet for this long is asked whether it lives when the page comes back to the front. */
const QUIET_MS = 20_000
/** The gateway ends a connection after two hours; before that we change to a new one, not all clients at once. */
const RENEW_FIRST_MS = 95 * 60_000
const RENEW_SPREAD_MS = 20 * 60_000
const OPEN_MS = 15_000

export interface RealtimeDeps {
  ticket(): Promise<string>
  url(): Promise<string>
  onFrame(frame: ServerFrame): void
  /** A connection stands after there was none: what came meanwhile must be read. */
  onOnline(): void
}

export class Realtime {
  readonly connection = signal<Connection>('connecting')
  private socket: WebSocket | null = null
  /** What the server calls the open connection; null while there is none, or none that it has named yet. */
  private name: string | null = null
  private attempts = 0
  private heard = 0
  private running = false
  private connecting = false
  private retry: ReturnType<typeof setTimeout> | undefined
  private pinging: ReturnType<typeof setInterval> | undefined
  private pong: ReturnType<typeof setTimeout> | undefined
  private renewal: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly deps: RealtimeDeps) {}

  start(): void {
    this.running = true
    addEventListener('online', this.hurry)
    addEventListener('offline', this.check)
    document.addEventListener('visibilitychange', this.look)
    void this.connect()
  }

  stop(): void {
    this.running = false
    removeEventListener('online', this.hurry)
    removeEventListener('offline', this.check)
    document.removeEventListener('visibilitychange', this.look)
    clearTimeout(this.retry)
    this.leave()
  }

  /** The connection that need not be told what a request of this moment is answered. */
  get connectionId(): string | null {
    return this.name
  }

  send(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }

  /** The network is back: do not sit out the wait. */
  private readonly hurry = (): void => {
    if (this.socket) return this.check()
    this.attempts = 0
    void this.connect()
  }

  private readonly look = (): void => {
    if (document.visibilityState !== 'visible') return
    if (!this.socket) this.hurry()
    else if (Date.now() - this.heard > QUIET_MS) this.check()
  }

  /** Asks the other end for a sign of life; without one the socket is given up. */
  private readonly check = (): void => {
    if (!this.socket || this.pong !== undefined) return
    this.send({ action: 'ping' })
    const socket = this.socket
    this.pong = setTimeout(() => {
      this.pong = undefined
      if (socket === this.socket) this.lost()
    }, PONG_MS)
  }

  private async connect(): Promise<void> {
    if (!this.running || this.connecting) return
    this.connecting = true
    clearTimeout(this.retry)
    if (!this.socket && this.attempts < 2) this.connection.value = 'connecting'
    try {
      const [url, ticket] = await Promise.all([this.deps.url(), this.deps.ticket()])
      const socket = await opened(new WebSocket(url, ['imchat.v1', `ticket.${ticket}`]))
      if (this.running) this.adopt(socket)
      else socket.close()
    } catch (error) {
      this.again(error instanceof ApiError && error.problem.code === 'suspended')
    } finally {
      this.connecting = false
    }
  }

  /** From here on `socket` is the one; the old one, if any, goes only now, so that nothing falls between. */
  private adopt(socket: WebSocket): void {
    const renewed = this.socket !== null
    this.leave()
    this.socket = socket
    this.attempts = 0
    this.heard = Date.now()
    socket.onmessage = (message) => this.hear(message.data)
    socket.onclose = () => this.lost()
    this.pinging = setInterval(this.check, PING_MS)
    this.renewal = setTimeout(() => void this.connect(), RENEW_FIRST_MS + Math.random() * RENEW_SPREAD_MS)
    this.connection.value = 'online'
    this.check() // the answer names the connection
    if (!renewed) this.deps.onOnline()
  }

  private hear(data: unknown): void {
    this.heard = Date.now()
    clearTimeout(this.pong)
    this.pong = undefined
    if (typeof data !== 'string') return
    try {
      const frame = JSON.parse(data) as ServerFrame
      if (frame.type === 'pong') this.name = frame.connection_id
      else this.deps.onFrame(frame)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }

  private lost(): void {
    this.leave()
    this.again()
  }

  private again(suspended = false): void {
    if (!this.running) return
    this.attempts++
    if (suspended) this.connection.value = 'suspended'
    else if (!this.socket) this.connection.value = this.attempts > 1 || !navigator.onLine ? 'offline' : 'connecting'
    clearTimeout(this.retry)
    this.retry = setTimeout(() => void this.connect(), backoff(this.attempts))
  }

  private leave(): void {
    clearInterval(this.pinging)
    clearTimeout(this.pong)
    clearTimeout(this.renewal)
    this.pong = undefined
    const socket = this.socket
    this.socket = null
    this.name = null
    if (!socket) return
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }
}

/** Resolves when the socket stands; rejects, and closes it, when it does not in time. */
function opened(socket: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(), OPEN_MS)
    const fail = (): void => {
      clearTimeout(timer)
      socket.onopen = socket.onclose = null
      socket.close()
      reject(new Error('The socket did not open.'))
    }
    socket.onclose = fail
    socket.onopen = () => {
      clearTimeout(timer)
      socket.onopen = socket.onclose = null
      resolve(socket)
    }
  })
}
