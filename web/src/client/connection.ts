/**
 * One participant's connection to the server, over as many WebSockets as it takes.
 *
 * Theory of operation. A socket is opened, `hello` is its first message, and `welcome` makes the connection `online`.
 * When the socket is lost, the connection is `reconnecting` (or `offline`, when the browser knows that there is no
 * network): it opens a new one after a growing wait and says in `hello` which session it resumes and which message it
 * saw last. A welcome with `resumed` means that nothing was lost; without it, everybody above starts afresh.
 * A `bye` without `retry` ends it for good: `closed`, with the reason; an `error` before it says why somebody was not
 * let in.
 *
 * What is said while the socket is away waits in a small outbox (chat, hands: sayings that mean the same a second
 * later). What was said into a socket that was dead already, nobody heard: the server says with `heard` how much it has
 * heard, and what is beyond that is said again, once (`unheard.ts`). Negotiation is not kept: publisher and receiver say
 * it anew when they hear of the welcome.
 */

import type { Bye, ClientMessage, Error as Refusal, ServerMessage, Welcome } from '@/protocol/messages'
import { waitBefore } from './backoff'
import { randomId } from './random-id'
import type { Cancel, Timers } from './timers'
import { Unheard } from './unheard'

export type ConnectionState = 'idle' | 'connecting' | 'online' | 'reconnecting' | 'offline' | 'closed'

/** Why a connection ended for good. */
export type Ending = { kind: 'bye'; bye: Bye } | { kind: 'refused'; refusal: Refusal } | { kind: 'left' }

/** The part of WebSocket that is used. */
export interface Socket {
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  send(text: string): void
  close(): void
}

export interface ConnectionOptions {
  token: string
  language: string
  codecs: string[]
  open: () => Socket
  timers: Timers
  random: () => number
  onState: (state: ConnectionState) => void
  onMessage: (message: ServerMessage) => void
  onEnding: (ending: Ending) => void
}

/** Until `welcome`: longer than a slow phone's TLS handshake over a bad line. */
const WELCOME_TIMEOUT_MS = 12_000
/** Silence of so many heartbeats is a dead socket (as on the server's side). */
const MISSED_HEARTBEATS = 3
/** Sayings kept while the socket is away: more than a person types during an outage. */
const OUTBOX_LIMIT = 32
const KEPT_WHILE_AWAY: ReadonlySet<ClientMessage['type']> = new Set([
  'chat.send',
  'hand.raise',
  'hand.lower',
  'publish.mute',
])

export class Connection {
  state: ConnectionState = 'idle'

  private socket: Socket | null = null
  /** Until the first welcome a name of our own, which tells two hellos of this page from those of another one. */
  private resume = randomId()
  private lastSeq = 0
  private attempt = 0
  /** Sockets opened so far: of two that arrive in the wrong order the server knows the newer by it. */
  private connections = 0
  private readonly unheard = new Unheard()
  private heartbeatMs = 10_000
  private heardAt = 0
  private pings = 0
  private cancelTimer: Cancel = () => undefined
  private outbox: ClientMessage[] = []
  /** Why this attempt was not let in. */
  private refusal: Refusal | null = null
  private browserOnline = true

  constructor(private readonly options: ConnectionOptions) {}

  start(): void {
    if (this.state === 'idle') this.connect()
  }

  /** Says something. False: it was neither sent nor kept. */
  send(message: ClientMessage): boolean {
    if (this.state === 'online' && this.socket) {
      this.socket.send(JSON.stringify(message))
      this.unheard.said(message)
      return true
    }
    if (this.state === 'closed' || !KEPT_WHILE_AWAY.has(message.type)) return false
    if (this.outbox.length >= OUTBOX_LIMIT) return false
    this.outbox.push(message)
    return true
  }

  /** Goes on purpose: no resume. */
  leave(): void {
    this.send({ type: 'leave' })
    this.end({ kind: 'left' })
  }

  /** The browser says whether there is a network at all. A hint only: it is often wrong about "online". */
  networkChanged(online: boolean): void {
    this.browserOnline = online
    if (this.state === 'reconnecting' || this.state === 'offline') {
      if (!online) {
        this.setState('offline')
        return
      }
      this.attempt = 0
      this.connect()
    } else if (!online && this.state === 'online') {
      this.lost()
    }
  }

  private connect(): void {
    this.cancelTimer()
    this.dropSocket()
    this.setState(this.state === 'idle' ? 'connecting' : 'reconnecting')
    this.refusal = null
    const socket = this.options.open()
    this.socket = socket
    this.connections += 1
    const attempt = this.connections
    socket.onopen = () => {
      this.hello(socket, attempt)
    }
    socket.onmessage = (event) => {
      if (typeof event.data === 'string') this.receive(JSON.parse(event.data) as ServerMessage)
    }
    socket.onclose = () => {
      this.lost()
    }
    this.cancelTimer = this.options.timers.after(WELCOME_TIMEOUT_MS, () => {
      this.lost()
    })
  }

  private hello(socket: Socket, attempt: number): void {
    const { token, language, codecs } = this.options
    const place = { resume: this.resume, last_seq: this.lastSeq, attempt }
    socket.send(JSON.stringify({ type: 'hello', token, language, codecs, ...place }))
  }

  private receive(message: ServerMessage): void {
    this.heardAt = this.options.timers.now()
    if (message.seq) {
      if (message.seq <= this.lastSeq) return // said again
      this.lastSeq = message.seq
    }
    switch (message.type) {
      case 'welcome':
        this.welcomed(message)
        return
      case 'pong':
        this.unheard.heard(message.heard ?? 0)
        break
      case 'bye':
        this.dismissed(message)
        return
      case 'error':
        if (this.state !== 'online') {
          this.refusal = message
          return
        }
    }
    this.options.onMessage(message)
  }

  private welcomed(welcome: Welcome): void {
    this.resume = welcome.resume
    if (!welcome.resumed) this.lastSeq = welcome.seq ?? 0
    this.attempt = 0
    this.heartbeatMs = welcome.heartbeat_s * 1000
    this.setState('online')
    this.options.onMessage(welcome)
    const again = this.unheard.again(welcome.resumed ?? false, welcome.heard ?? 0)
    for (const message of [...again, ...this.outbox.splice(0)]) this.send(message)
    this.beatLater()
  }

  private dismissed(bye: Bye): void {
    if (bye.retry) this.lost(bye.retry_after_ms)
    else if (this.refusal && bye.reason !== 'replaced') this.end({ kind: 'refused', refusal: this.refusal })
    else this.end({ kind: 'bye', bye })
  }

  private beatLater(): void {
    this.cancelTimer()
    this.cancelTimer = this.options.timers.after(this.heartbeatMs, () => {
      const silence = this.options.timers.now() - this.heardAt
      if (silence >= MISSED_HEARTBEATS * this.heartbeatMs) {
        this.lost()
        return
      }
      this.pings += 1
      this.send({ type: 'ping', id: this.pings, seq: this.lastSeq })
      this.beatLater()
    })
  }

  /** The socket is gone or useless: another one after a wait, and within the time over which the server spreads us. */
  private lost(spreadMs = 0): void {
    if (this.state === 'closed') return
    this.cancelTimer()
    this.dropSocket()
    this.setState(this.browserOnline ? 'reconnecting' : 'offline')
    const wait = waitBefore(this.attempt, this.options.random()) + spreadMs * this.options.random()
    this.attempt += 1
    this.cancelTimer = this.options.timers.after(wait, () => {
      this.connect()
    })
  }

  private end(ending: Ending): void {
    if (this.state === 'closed') return
    this.cancelTimer()
    this.dropSocket()
    this.outbox = []
    this.setState('closed')
    this.options.onEnding(ending)
  }

  private dropSocket(): void {
    const socket = this.socket
    if (!socket) return
    this.socket = null
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private setState(state: ConnectionState): void {
    if (state === this.state) return
    this.state = state
    this.options.onState(state)
  }
}

/** The server's WebSocket beside these pages. */
export function openSocket(): Socket {
  const url = new URL('/ws', window.location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return new WebSocket(url, 'tongke.v1') as Socket
}
