/**
 * The receiving side: one peer connection on which the server sends whatever this person gets.
 *
 * Theory of operation. The server offers, each offer with a higher version; offers are answered one after another,
 * and one that was overtaken while it waited is skipped. `streams` of the offer says which m-line carries whom. When
 * the line breaks, the server is asked to restart ICE (`subscribe.restart`); when that does not help, it is told
 * (`subscribe.failed`) and offers again for a new connection (`fresh`). A session
 * that could not be resumed starts with a fresh offer too. An answer that was lost with the socket needs no care: the
 * server offers again after a resume.
 */

import type { ClientMessage, StreamState, StreamView, StreamsHeld, SubscribeOffer } from '@/protocol/messages'
import { CONNECT_PATIENCE_MS, DISCONNECTED_PATIENCE_MS, mediaState, type MediaState } from './media-state'
import type { Cancel, Timers } from './timers'

/**
 * Between two `subscribe.failed`. The server waits up to 30 s before it offers again when failures repeat, and each
 * word from us would start that wait anew.
 */
const ASK_AGAIN_MS = 45_000

/** Something that arrives: whose it is, and the track to play. */
export interface ReceivedStream extends StreamView {
  track: MediaStreamTrack
  /** What the server sends of it over this line; undefined: everything. */
  sent?: StreamState['state']
}

export interface ReceiverOptions {
  createConnection: () => RTCPeerConnection
  send: (message: ClientMessage) => boolean
  timers: Timers
  /** Changes the server's description before use; identity but for tests. */
  adjust: (sdp: string) => string
  onStreams: (streams: ReceivedStream[]) => void
  onState: (state: MediaState) => void
}

export class Receiver {
  state: MediaState = 'none'
  connection: RTCPeerConnection | null = null

  private newest = 0
  /** What was last said to the server about a connection that failed; empty: nothing. */
  private complaint = ''
  /** Counts sessions: an offer of the one before is of no use. */
  private era = 0
  private queue: Promise<void> = Promise.resolve()
  private streams: ReceivedStream[] = []
  /** M-lines that carry nothing now, as the server said last: an offer that waits its turn may be older. */
  private held: ReadonlySet<string> = new Set()
  private cancelPatience: Cancel = () => undefined

  constructor(private readonly options: ReceiverOptions) {}

  /** An offer from the server. Resolves when it was answered or overtaken. */
  offered(offer: SubscribeOffer): Promise<void> {
    this.newest = Math.max(this.newest, offer.version)
    this.held = new Set(offer.streams.filter((stream) => stream.held).map((stream) => stream.mid))
    const { era } = this
    this.queue = this.queue.then(() => (era === this.era ? this.accept(offer) : undefined))
    return this.queue
  }

  /** The line carries less, or more again, of one stream. */
  stateChanged(change: StreamState): void {
    const sent = change.state === 'ok' ? undefined : change.state
    this.show(this.streams.map((stream) => (stream.mid === change.mid ? { ...stream, sent } : stream)))
  }

  /** Some m-lines carry nothing any more, or something again. */
  heldChanged(change: StreamsHeld): void {
    this.held = new Set(change.mids)
    this.show(this.streams)
  }

  /** The socket is back and the session was resumed: what was said into the dead socket is said again. */
  resumed(): void {
    if (this.complaint) this.failed(this.complaint)
    else if (this.connection?.connectionState === 'disconnected') this.changed('disconnected')
  }

  /** The device is on another network: a line that still looks well may be dead. */
  moved(): void {
    if (this.state === 'connected') this.options.send({ type: 'subscribe.restart' })
  }

  /** The session could not be resumed: the server's side is gone. Versions start anew. */
  reset(): void {
    this.era += 1
    this.newest = 0
    this.held = new Set()
    this.drop()
    this.setState('none')
    this.show([])
  }

  close(): void {
    this.reset()
  }

  private async accept(offer: SubscribeOffer): Promise<void> {
    if (offer.version < this.newest) {
      // A fresh offer that was overtaken still says that the old connection is gone.
      if (offer.fresh) this.drop()
      return
    }
    const connection = this.connectionFor(offer)
    try {
      await connection.setRemoteDescription({ type: 'offer', sdp: this.options.adjust(offer.sdp) })
      await connection.setLocalDescription(await connection.createAnswer())
    } catch (error) {
      if (connection === this.connection) this.failed(`offer ${String(offer.version)}: ${String(error)}`)
      return
    }
    // Dropped meanwhile: the session was lost, and with it the question.
    if (connection !== this.connection) return
    const sdp = connection.localDescription?.sdp ?? ''
    this.options.send({ type: 'subscribe.answer', version: offer.version, sdp })
    this.show(this.received(connection, offer.streams))
  }

  private connectionFor(offer: SubscribeOffer): RTCPeerConnection {
    if (this.connection && !offer.fresh) return this.connection
    this.drop()
    const connection = this.options.createConnection()
    this.connection = connection
    connection.onconnectionstatechange = () => {
      this.changed(connection.connectionState)
    }
    this.changed('new')
    return connection
  }

  private received(connection: RTCPeerConnection, streams: StreamView[]): ReceivedStream[] {
    const tracks = new Map(connection.getTransceivers().map((each) => [each.mid, each.receiver.track]))
    return streams.flatMap((stream) => {
      const track = tracks.get(stream.mid)
      return track ? [{ ...stream, track, sent: this.sentBefore(stream, track) }] : []
    })
  }

  /** An m-line that still carries the same goes on as it was; a new one begins with everything. */
  private sentBefore(stream: StreamView, track: MediaStreamTrack): ReceivedStream['sent'] {
    const same = (old: ReceivedStream) =>
      old.mid === stream.mid &&
      old.track === track &&
      old.person === stream.person &&
      old.source === stream.source
    return this.streams.find(same)?.sent
  }

  private show(streams: ReceivedStream[]): void {
    this.streams = streams
    // Sound that is held stays where it plays: it is silent, and goes on without a gap.
    this.options.onStreams(streams.filter((stream) => stream.kind === 'audio' || !this.held.has(stream.mid)))
  }

  private changed(connection: RTCPeerConnectionState): void {
    this.setState(mediaState(this.state, connection))
    this.cancelPatience()
    if (connection === 'connected' || connection === 'closed') return
    if (connection === 'failed') {
      this.failed('connection failed')
      return
    }
    if (connection === 'disconnected') this.options.send({ type: 'subscribe.restart' })
    const patience = connection === 'disconnected' ? DISCONNECTED_PATIENCE_MS : CONNECT_PATIENCE_MS
    this.cancelPatience = this.options.timers.after(patience, () => {
      this.failed(`connection ${connection}`)
    })
  }

  /** Asks for a new connection, and again while none comes. */
  private failed(reason: string): void {
    this.cancelPatience()
    this.complaint = reason.slice(0, 2000)
    this.setState('recovering')
    this.options.send({ type: 'subscribe.failed', reason: this.complaint })
    this.cancelPatience = this.options.timers.after(ASK_AGAIN_MS, () => {
      this.failed(reason)
    })
  }

  private drop(): void {
    this.cancelPatience()
    this.complaint = ''
    if (!this.connection) return
    this.connection.onconnectionstatechange = null
    this.connection.close()
    this.connection = null
  }

  private setState(state: MediaState): void {
    if (state === this.state) return
    this.state = state
    this.options.onState(state)
  }
}
