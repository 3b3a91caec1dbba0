/**
 * The sending side: one peer connection, made when the first track is sent.
 *
 * Theory of operation. `tracks` is what should be sent. Every change of it marks the negotiation as needed; one runs at
 * a time: offer, `publish.offer`, `publish.answer`. What changed meanwhile is in the next one. A source keeps its
 * m-line for ever: a stopped one becomes inactive and is used again when the source comes back. When the connection
 * breaks, an offer restarts ICE on it; when that does not help, or the session could not be resumed, it is thrown away
 * and everything is offered on a new one.
 */

import type { ClientMessage, PublishAnswer, PublishLayers } from '@/protocol/messages'
import { CONNECT_PATIENCE_MS, DISCONNECTED_PATIENCE_MS, mediaState, type MediaState } from './media-state'
import type { Cancel, Timers } from './timers'

export type Source = 'camera' | 'microphone' | 'screen' | 'screen_audio'

export interface PublisherOptions {
  createConnection: () => RTCPeerConnection
  createStream: () => MediaStream
  send: (message: ClientMessage) => boolean
  timers: Timers
  /** Send the camera in three sizes, so that every link gets one that fits. */
  simulcast: boolean
  /** Orders the codecs of a new m-line. */
  preferCodecs: (transceiver: RTCRtpTransceiver) => void
  /** Changes the server's description before use; identity but for tests. */
  adjust: (sdp: string) => string
  onState: (state: MediaState) => void
}

/**
 * bit/s and frames/s. The camera's rate is what 720p30 of a person before a board needs, and what a class's line is
 * reckoned with; a screen has more pixels and less motion.
 */
/** A quarter, a half and the full size; which of them are sent, the server says by what is received (`publish.layers`). */
const SIMULCAST: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 15 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30 },
  { rid: 'f', maxBitrate: 1_500_000, maxFramerate: 30 },
]

const ENCODINGS: Record<Source, RTCRtpEncodingParameters> = {
  camera: { maxBitrate: 1_500_000, maxFramerate: 30 },
  screen: { maxBitrate: 2_500_000, maxFramerate: 15 },
  microphone: { maxBitrate: 48_000 },
  screen_audio: { maxBitrate: 96_000 },
}

export function isSource(name: string): name is Source {
  return name in ENCODINGS
}

const CONTENT_HINTS: Record<Source, string> = {
  camera: 'motion',
  screen: 'detail',
  microphone: 'speech',
  screen_audio: 'music',
}

export class Publisher {
  state: MediaState = 'none'
  connection: RTCPeerConnection | null = null

  private readonly tracks = new Map<Source, MediaStreamTrack>()
  private readonly transceivers = new Map<Source, RTCRtpTransceiver>()
  private readonly muted = new Set<Source>()
  /** What belongs together is one stream, so that receivers play it in sync. */
  private readonly streams: Record<'person' | 'screen', MediaStream>
  private needed = false
  /** The next offer restarts ICE. */
  private restart = false
  private negotiating = false
  /** Sources on a new connection, of which the server does not know yet whether they are muted. */
  private unannounced: Source[] = []
  /** The offer that waits for its answer. */
  private pending: ClientMessage | null = null
  private cancelPatience: Cancel = () => undefined

  constructor(private readonly options: PublisherOptions) {
    this.streams = { person: options.createStream(), screen: options.createStream() }
  }

  /** Sends `track` as `source`; null stops it. */
  async publish(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (!track) {
      if (this.tracks.delete(source)) await this.negotiate()
      return
    }
    track.contentHint = CONTENT_HINTS[source]
    this.muted.delete(source)
    this.tracks.set(source, track)
    await this.negotiate()
  }

  /**
   * Says that `source` is muted or not. A null track sends nothing while the m-line stays (the camera's light goes out);
   * `track` puts a new one in its place.
   */
  async mute(source: Source, muted: boolean, track: MediaStreamTrack | null): Promise<void> {
    if (!this.tracks.has(source)) return
    if (track) {
      track.contentHint = CONTENT_HINTS[source]
      this.tracks.set(source, track)
    }
    if (muted) this.muted.add(source)
    else this.muted.delete(source)
    await this.transceivers.get(source)?.sender.replaceTrack(track)
    this.options.send({ type: 'publish.mute', source, muted })
  }

  async answered(answer: PublishAnswer): Promise<void> {
    const { connection } = this
    if (!connection || !this.pending) return
    this.pending = null
    try {
      await connection.setRemoteDescription({ type: 'answer', sdp: this.options.adjust(answer.sdp) })
    } catch (error) {
      if (connection === this.connection) this.rebuildLater(error)
      return
    }
    if (connection !== this.connection) return
    this.negotiating = false
    for (const source of this.unannounced.splice(0)) {
      if (this.muted.has(source)) this.options.send({ type: 'publish.mute', source, muted: true })
    }
    if (this.needed) await this.negotiate()
  }

  /** Sends the encodings that somebody receives, and no others. */
  async layersWanted(layers: PublishLayers): Promise<void> {
    const sender = this.transceivers.get(layers.source as Source)?.sender
    const parameters = sender?.getParameters()
    if (!sender || !parameters?.encodings.every((encoding) => encoding.rid)) return
    for (const encoding of parameters.encodings) encoding.active = layers.active.includes(encoding.rid ?? '')
    try {
      await sender.setParameters(parameters)
    } catch (error) {
      // Everything goes on being sent: more than is needed, but nobody misses anything.
      console.warn('x publish.layers', error)
    }
  }

  /** The socket is back and the session was resumed: an offer said into the dead socket is said again. */
  async resumed(): Promise<void> {
    if (this.pending) this.options.send(this.pending)
    else if (this.connection?.connectionState === 'disconnected') this.changed('disconnected')
    else if (this.needed) await this.negotiate()
  }

  /** The device is on another network: a line that still looks well may be dead. */
  moved(): void {
    if (this.state !== 'connected') return
    this.restart = true
    void this.negotiate()
  }

  /** Everything anew: the connection failed, or the server's side of it is gone. */
  async rebuild(): Promise<void> {
    this.drop()
    if (this.tracks.size === 0) return
    this.setState('recovering')
    await this.negotiate()
  }

  close(): void {
    this.tracks.clear()
    this.drop()
  }

  private async negotiate(): Promise<void> {
    this.needed = true
    if (this.negotiating) return
    this.negotiating = true
    this.needed = false
    const connection = this.connection ?? this.connect()
    try {
      await this.fitTransceivers(connection)
      const iceRestart = this.restart
      this.restart = false
      await connection.setLocalDescription(await connection.createOffer({ iceRestart }))
    } catch (error) {
      // Closed meanwhile: nobody waits for this offer any more.
      if (connection !== this.connection) return
      this.negotiating = false
      throw error
    }
    if (connection !== this.connection) return
    this.pending = {
      type: 'publish.offer',
      sdp: connection.localDescription?.sdp ?? '',
      tracks: this.declarations(),
    }
    this.options.send(this.pending)
  }

  private async fitTransceivers(connection: RTCPeerConnection): Promise<void> {
    for (const [source, transceiver] of this.transceivers) {
      if (this.tracks.has(source) || transceiver.direction === 'inactive') continue
      transceiver.direction = 'inactive'
      await transceiver.sender.replaceTrack(null)
    }
    for (const [source, track] of this.tracks) {
      const sent = this.muted.has(source) && track.readyState === 'ended' ? null : track
      const known = this.transceivers.get(source)
      if (known) {
        if (known.sender.track !== sent) await known.sender.replaceTrack(sent)
        known.direction = 'sendonly'
      } else {
        this.transceivers.set(source, await this.addTransceiver(connection, source, track, sent))
        this.unannounced.push(source)
      }
    }
  }

  private async addTransceiver(
    connection: RTCPeerConnection,
    source: Source,
    track: MediaStreamTrack,
    sent: MediaStreamTrack | null,
  ): Promise<RTCRtpTransceiver> {
    const transceiver = connection.addTransceiver(track, {
      direction: 'sendonly',
      sendEncodings: this.encodings(source),
      streams: [source.startsWith('screen') ? this.streams.screen : this.streams.person],
    })
    if (track.kind === 'video' || source === 'microphone') this.options.preferCodecs(transceiver)
    if (!sent) await transceiver.sender.replaceTrack(null)
    return transceiver
  }

  private encodings(source: Source): RTCRtpEncodingParameters[] {
    if (source !== 'camera' || !this.options.simulcast) return [{ ...ENCODINGS[source] }]
    return SIMULCAST.map((encoding) => ({ ...encoding }))
  }

  private declarations(): { mid: string; source: string }[] {
    return [...this.tracks.keys()].flatMap((source) => {
      const mid = this.transceivers.get(source)?.mid
      return mid == null ? [] : [{ mid, source }]
    })
  }

  private connect(): RTCPeerConnection {
    const connection = this.options.createConnection()
    this.connection = connection
    connection.onconnectionstatechange = () => {
      this.changed(connection.connectionState)
    }
    this.changed('new')
    return connection
  }

  private changed(connection: RTCPeerConnectionState): void {
    this.setState(mediaState(this.state, connection))
    this.cancelPatience()
    if (connection === 'connected' || connection === 'closed') return
    if (connection === 'disconnected') {
      this.restart = true
      void this.negotiate()
    }
    const patience = { failed: 0, disconnected: DISCONNECTED_PATIENCE_MS }[connection as string]
    this.cancelPatience = this.options.timers.after(patience ?? CONNECT_PATIENCE_MS, () => {
      void this.rebuild()
    })
  }

  /** An answer that does not fit is nobody's fault that a second try at once would mend. */
  private rebuildLater(error: unknown): void {
    console.warn('x publish.answer', error)
    this.setState('recovering')
    this.cancelPatience()
    this.cancelPatience = this.options.timers.after(DISCONNECTED_PATIENCE_MS, () => {
      void this.rebuild()
    })
  }

  private drop(): void {
    this.cancelPatience()
    this.pending = null
    this.negotiating = false
    this.needed = false
    this.restart = false
    this.transceivers.clear()
    this.unannounced = []
    if (this.connection) {
      this.connection.onconnectionstatechange = null
      this.connection.close()
      this.connection = null
    }
    this.setState('none')
  }

  private setState(state: MediaState): void {
    if (state === this.state) return
    this.state = state
    this.options.onState(state)
  }
}
