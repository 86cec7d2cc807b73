/** The WebSocket connection: opens with a ticket, pings, renews before the gateway's limit, and reconnects. */
import { computed, signal } from '@preact/signals'
import type { Connection } from '../model'
import { ApiError } from '../net/errors'
import type { ClientFrame, ServerFrame } from '../net/protocol'
import { backoff } from '../platform/time'

const PING_MS = 4 * 60_000
const PONG_MS = 10_000
/** When the page becomes visible, a socket that has received nothing for this long is pinged. */
const QUIET_MS = 20_000
/** The gateway closes connections after two hours. Clients reconnect before that, spread over time. */
const RENEW_FIRST_MS = 95 * 60_000
const RENEW_SPREAD_MS = 20 * 60_000
const OPEN_MS = 15_000
/** After this long without a connection, the state is no longer `connecting`. */
const CONNECTING_MS = 5_000

export interface RealtimeDeps {
  ticket(): Promise<string>
  url(): Promise<string>
  onFrame(frame: ServerFrame): void
  /** Called when a connection opens after there was none: missed events must be read. */
  onOnline(): void
}

export class Realtime {
  /** Whether the server responds over HTTP; null: not known. */
  private readonly reachable = signal<boolean | null>(navigator.onLine ? null : false)
  private readonly socketState = signal<'open' | 'connecting' | 'failed' | 'suspended'>('connecting')
  readonly connection = computed((): Connection => {
    const state = this.socketState.value
    if (state === 'suspended') return state
    if (this.reachable.value === false) return 'offline'
    if (state === 'failed') return this.reachable.value ? 'polling' : 'offline'
    return state === 'open' ? 'online' : 'connecting'
  })
  private socket: WebSocket | null = null
  /** The server's id of the open connection; null until the server has sent it. */
  private id: string | null = null
  private attempts = 0
  private lastReceivedMs = 0
  private started = false
  private connecting = false
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  private pongTimer: ReturnType<typeof setTimeout> | undefined
  private renewTimer: ReturnType<typeof setTimeout> | undefined
  private connectingTimer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly deps: RealtimeDeps) {}

  start(): void {
    this.started = true
    addEventListener('online', this.reconnectNow)
    addEventListener('offline', this.onOffline)
    document.addEventListener('visibilitychange', this.onVisibilityChange)
    void this.connect()
  }

  stop(): void {
    this.started = false
    removeEventListener('online', this.reconnectNow)
    removeEventListener('offline', this.onOffline)
    document.removeEventListener('visibilitychange', this.onVisibilityChange)
    clearTimeout(this.retryTimer)
    clearTimeout(this.connectingTimer)
    this.closeSocket()
  }

  /** Record whether the server responded to a request over HTTP. */
  setReachable(reachable: boolean): void {
    this.reachable.value = reachable
  }

  /** The connection to exclude from pushes about this client's own requests. */
  get connectionId(): string | null {
    return this.id
  }

  send(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }

  /** The network is back: reconnect without waiting. */
  private readonly reconnectNow = (): void => {
    if (this.socket) return this.probe()
    this.attempts = 0
    void this.connect()
  }

  /** Show it at once. A response of the server ends it: without a network, one on this machine still responds. */
  private readonly onOffline = (): void => {
    this.reachable.value = false
    this.probe()
  }

  private readonly onVisibilityChange = (): void => {
    if (document.visibilityState !== 'visible') return
    if (!this.socket) this.reconnectNow()
    else if (Date.now() - this.lastReceivedMs > QUIET_MS) this.probe()
  }

  /** Ping the server; without a response the socket is closed. */
  private readonly probe = (): void => {
    if (!this.socket || this.pongTimer !== undefined) return
    this.send({ action: 'ping' })
    const socket = this.socket
    this.pongTimer = setTimeout(() => {
      this.pongTimer = undefined
      if (socket === this.socket) this.onClosed()
    }, PONG_MS)
  }

  private async connect(): Promise<void> {
    if (!this.started || this.connecting) return
    this.connecting = true
    clearTimeout(this.retryTimer)
    if (!this.socket && this.attempts < 2) this.showConnecting()
    try {
      const [url, ticket] = await Promise.all([this.deps.url(), this.deps.ticket()])
      this.reachable.value = true
      const socket = await waitForOpen(new WebSocket(url, ['imchat.v1', `ticket.${ticket}`]))
      if (this.started) this.useSocket(socket)
      else socket.close()
    } catch (error) {
      if (error instanceof ApiError) this.reachable.value = error.status > 0
      this.scheduleReconnect(error instanceof ApiError && error.userError.code === 'suspended')
    } finally {
      this.connecting = false
    }
  }

  /** Switch to `socket`. The old one, if any, closes only now, so that no frame is missed. */
  private useSocket(socket: WebSocket): void {
    const renewed = this.socket !== null
    this.closeSocket()
    this.socket = socket
    this.attempts = 0
    this.lastReceivedMs = Date.now()
    socket.onmessage = (message) => this.onMessage(message.data)
    socket.onclose = () => this.onClosed()
    this.pingTimer = setInterval(this.probe, PING_MS)
    this.renewTimer = setTimeout(() => void this.connect(), RENEW_FIRST_MS + Math.random() * RENEW_SPREAD_MS)
    clearTimeout(this.connectingTimer)
    this.connectingTimer = undefined
    this.socketState.value = 'open'
    this.probe() // the response contains the connection's id
    if (!renewed) this.deps.onOnline()
  }

  private onMessage(data: unknown): void {
    this.lastReceivedMs = Date.now()
    clearTimeout(this.pongTimer)
    this.pongTimer = undefined
    if (typeof data !== 'string') return
    try {
      const frame = JSON.parse(data) as ServerFrame
      if (frame.type === 'pong') {
        this.id = frame.connection_id
        if (navigator.onLine) this.reachable.value = true
      } else {
        this.deps.onFrame(frame)
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }

  private onClosed(): void {
    this.closeSocket()
    if (this.reachable.peek()) this.reachable.value = null
    this.scheduleReconnect()
  }

  private scheduleReconnect(suspended = false): void {
    if (!this.started) return
    this.attempts++
    if (suspended) this.socketState.value = 'suspended'
    else if (!this.socket) {
      if (this.attempts > 1) this.socketState.value = 'failed'
      else this.showConnecting()
    }
    clearTimeout(this.retryTimer)
    this.retryTimer = setTimeout(() => void this.connect(), backoff(this.attempts))
  }

  private showConnecting(): void {
    if (this.socketState.peek() === 'connecting' && this.connectingTimer !== undefined) return
    this.socketState.value = 'connecting'
    clearTimeout(this.connectingTimer)
    this.connectingTimer = setTimeout(() => {
      this.connectingTimer = undefined
      if (this.socketState.peek() === 'connecting') this.socketState.value = 'failed'
    }, CONNECTING_MS)
  }

  private closeSocket(): void {
    clearInterval(this.pingTimer)
    clearTimeout(this.pongTimer)
    clearTimeout(this.renewTimer)
    this.pongTimer = undefined
    const socket = this.socket
    this.socket = null
    this.id = null
    if (!socket) return
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }
}

/** Resolves when the socket is open; closes it and rejects on failure or timeout. */
function waitForOpen(socket: WebSocket): Promise<WebSocket> {
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
