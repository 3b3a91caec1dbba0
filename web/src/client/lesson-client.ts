/**
 * One person in one lesson: the connection, what is known of the lesson, what is sent and what is received, joined.
 * Free of any page; says what happened through `LessonEvents`.
 */

import type {
  Error as Refusal,
  IceServer,
  Moderated,
  Pointer,
  ServerMessage,
  Welcome,
} from '@/protocol/messages'
import { decodableCodecs, onlyCodec, preferCodec, preferRed } from './codecs'
import { Connection, openSocket, type ConnectionState, type Ending } from './connection'
import type { DeviceChoice, DeviceProblem } from './devices'
import { reduce, type LessonState } from './lesson-state'
import { LocalMedia, type LocalState } from './local-media'
import type { MediaState } from './media-state'
import type { Overrides } from './overrides'
import { isSource, Publisher, type Source } from './publisher'
import { Receiver, type ReceivedStream } from './receiver'
import { onlyTcp, withStartBitrate } from './sdp'
import { floorActions, type FloorActions } from '@/floor/actions'
import { talkActions, type TalkActions } from '@/talk/actions'
import { browserTimers } from './timers'

/** What the stage says in its own words as long as it lasts: once more beside it would only cover the page. */
const SAID_ON_STAGE: readonly string[] = ['master_lost', 'resumed']

/** The most that the server takes. */
const FROZEN_LIMIT_MS = 60_000

export interface LessonEvents {
  onConnection: (state: ConnectionState) => void
  onLesson: (lesson: LessonState) => void
  onStreams: (streams: ReceivedStream[]) => void
  onReceiving: (state: MediaState) => void
  onSending: (state: MediaState) => void
  onLocal: (state: LocalState) => void
  onDeviceProblem: (problem: DeviceProblem | 'lost', source: Source) => void
  onRefusal: (refusal: Refusal) => void
  onModerated: (message: Moderated) => void
  onTold: (text: string) => void
  onPointer: (pointer: Pointer) => void
  onEnding: (ending: Ending) => void
}

export interface LessonClientOptions {
  token: string
  language: string
  overrides: Overrides
  devices: DeviceChoice
  events: LessonEvents
}

function videoCodecs(): RTCRtpCodec[] {
  return RTCRtpReceiver.getCapabilities('video')?.codecs ?? []
}

export class LessonClient {
  readonly connection: Connection
  readonly publisher: Publisher
  readonly receiver: Receiver
  readonly local: LocalMedia
  readonly talk: TalkActions
  readonly floor: FloorActions

  private lesson: LessonState | null = null
  private iceServers: IceServer[] = []
  private readonly relayOnly: boolean
  private welcomed = false
  private readonly events: LessonEvents

  constructor(options: LessonClientOptions) {
    const { events, overrides } = options
    this.events = events
    this.relayOnly = overrides.force === 'relay'
    this.connection = new Connection({
      token: options.token,
      language: options.language,
      codecs: decodableCodecs(videoCodecs()),
      open: openSocket,
      timers: browserTimers,
      random: Math.random,
      onState: events.onConnection,
      onMessage: (message) => {
        this.receive(message)
      },
      onEnding: (ending) => {
        this.closeMedia()
        events.onEnding(ending)
      },
    })
    const send = this.connection.send.bind(this.connection)
    this.talk = talkActions(send)
    this.floor = floorActions(send)
    const media = {
      createConnection: () => new RTCPeerConnection(this.configuration()),
      createStream: () => new MediaStream(),
      send,
      timers: browserTimers,
      adjust: overrides.force === 'tcp' ? onlyTcp : (sdp: string) => sdp,
    }
    this.receiver = new Receiver({ ...media, onStreams: events.onStreams, onState: events.onReceiving })
    this.publisher = new Publisher({
      ...media,
      adjust: (sdp) => withStartBitrate(media.adjust(sdp)),
      simulcast: overrides.simulcast,
      preferCodecs: (transceiver) => {
        preferOn(transceiver, overrides.codec)
      },
      onState: events.onSending,
    })
    this.local = new LocalMedia({
      publisher: this.publisher,
      choice: options.devices,
      onChange: events.onLocal,
      onProblem: events.onDeviceProblem,
    })
  }

  start(): void {
    this.connection.start()
  }

  leave(): void {
    this.connection.leave()
    this.closeMedia()
  }

  /** The browser says whether there is a network; one that comes back is often another one. */
  networkChanged(online: boolean): void {
    this.connection.networkChanged(online)
    if (!online) return
    this.receiver.moved()
    this.publisher.moved()
  }

  startLesson(): void {
    this.connection.send({ type: 'lesson.start' })
  }

  endLesson(): void {
    this.connection.send({ type: 'lesson.end' })
  }

  raiseHand(seat: string): void {
    this.connection.send({ type: 'hand.raise', seat })
  }

  lowerHand(hand: string): void {
    this.connection.send({ type: 'hand.lower', hand })
  }

  /** What only this page can see: so long stood a picture still since the last report. */
  reportFrozen(ms: number): void {
    this.connection.send({ type: 'quality.report', frozen_ms: Math.min(ms, FROZEN_LIMIT_MS) })
  }

  private receive(message: ServerMessage): void {
    const lesson = reduce(this.lesson, message, Date.now())
    if (lesson && lesson !== this.lesson) {
      this.lesson = lesson
      this.events.onLesson(lesson)
    }
    switch (message.type) {
      case 'welcome':
        void this.welcome(message)
        return
      case 'lesson':
        void this.local.allow(message.may_publish ?? [])
        return
      case 'subscribe.offer':
        void this.receiver.offered(message)
        return
      case 'streams.held':
        this.receiver.heldChanged(message)
        return
      case 'stream.state':
        this.receiver.stateChanged(message)
        return
      case 'ice.servers':
        this.useIceServers(message.ice_servers)
        return
      case 'publish.answer':
        void this.publisher.answered(message)
        return
      case 'publish.layers':
        void this.publisher.layersWanted(message)
        return
      case 'error':
        if (message.request === 'publish.offer') this.stopSending()
        this.events.onRefusal(message)
        return
      case 'moderated':
        void this.moderated(message)
        return
      case 'pointer':
        this.events.onPointer(message)
        return
      case 'notice':
        if (!SAID_ON_STAGE.includes(message.kind)) this.events.onTold(message.text)
    }
  }

  private async welcome(welcome: Welcome): Promise<void> {
    this.useIceServers(welcome.ice_servers ?? [])
    if (welcome.resumed) {
      this.receiver.resumed()
      await this.publisher.resumed()
      return
    }
    this.receiver.reset()
    if (this.welcomed) await this.publisher.rebuild()
    this.welcomed = true
    await this.local.allow(welcome.may_publish ?? [])
  }

  /** What a moderator closed is closed here too: the buttons say so, and the camera's light goes out. */
  private async moderated(message: Moderated): Promise<void> {
    this.events.onModerated(message)
    const source = message.source
    if (!isSource(source)) return
    if (message.act === 'muted') await this.local.muteSource(source)
    if (message.act === 'stopped') await this.local.stopSource(source)
  }

  /** For new connections, and for ICE restarts of those there are. */
  private useIceServers(servers: IceServer[]): void {
    this.iceServers = servers
    for (const connection of [this.publisher.connection, this.receiver.connection]) {
      connection?.setConfiguration(this.configuration())
    }
  }

  private configuration(): RTCConfiguration {
    return {
      bundlePolicy: 'max-bundle',
      iceServers: this.iceServers,
      iceTransportPolicy: this.relayOnly ? 'relay' : 'all',
    }
  }

  /** What was refused is not sent; the buttons show it, and the person may try again. */
  private stopSending(): void {
    this.publisher.close()
    this.local.close()
  }

  private closeMedia(): void {
    this.receiver.close()
    this.stopSending()
  }
}

function preferOn(transceiver: RTCRtpTransceiver, codec: string): void {
  const kind = transceiver.sender.track?.kind ?? 'video'
  const capabilities = RTCRtpSender.getCapabilities(kind)
  // Missing in browsers before 2024; they offer VP8 first, which works too.
  const set = transceiver.setCodecPreferences as RTCRtpTransceiver['setCodecPreferences'] | undefined
  if (!capabilities || !set) return
  const { codecs } = capabilities
  if (kind === 'audio') set.call(transceiver, preferRed(codecs))
  else set.call(transceiver, codec ? onlyCodec(codecs, codec) : preferCodec(codecs, 'H264'))
}
