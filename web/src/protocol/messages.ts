// Generated from signaling/messages.py by web/generate-protocol.py. Do not edit.

export type Role = 'master' | 'tutor' | 'student' | 'supervisor' | 'encoder' | 'organizer'

export type Phase = 'lecture' | 'local_qa' | 'interaction' | 'break'

export type LessonState = 'scheduled' | 'open' | 'live' | 'ended' | 'cancelled'

export type QualityReason = '' | 'interrupted' | 'frozen' | 'loss_up' | 'loss_down' | 'bandwidth' | 'delay' | 'jitter'

/** First message, within 5 s of connecting; nothing else is read before it. */
export interface Hello {
  type: 'hello'
  token: string
  resume?: string
  last_seq?: number
  language?: string
  codecs?: Array<string>
}

/** Heartbeat, every `welcome.heartbeat_s`; answered by `pong`. Three missing ones end the connection. */
export interface Ping {
  type: 'ping'
  id?: number
  seq?: number
}

/**
 * Offer of the peer connection on which the client sends. Sent again for every change; a track whose
 * m-line became inactive, or whose declaration is missing, is no longer published.
 */
export interface PublishOffer {
  type: 'publish.offer'
  sdp: string
  tracks: Array<TrackDeclaration>
}

export interface TrackDeclaration {
  mid: string
  source: string
}

/**
 * Trickle ICE of the sending connection. The server is ICE-lite and needs none; accepted for the
 * standard's sake.
 */
export interface PublishCandidate {
  type: 'publish.candidate'
  candidate: string
  mid?: string
}

/** A track was muted or unmuted by its owner (shown to others, and in the recording's ledger). */
export interface PublishMute {
  type: 'publish.mute'
  source: string
  muted: boolean
}

/** Answer to `subscribe.offer` with the same version. */
export interface SubscribeAnswer {
  type: 'subscribe.answer'
  version: number
  sdp: string
}

export interface SubscribeCandidate {
  type: 'subscribe.candidate'
  candidate: string
  mid?: string
}

/** The receiving connection failed; the server makes a new one and offers again. */
export interface SubscribeFailed {
  type: 'subscribe.failed'
  reason?: string
}

/**
 * The client's network changed: the server restarts ICE on the receiving connection by an offer of the
 * same connection. Without one it is as if nothing was said.
 */
export interface SubscribeRestart {
  type: 'subscribe.restart'
}

/**
 * What only the page can see of what arrives. Said when there is something to say, at most every 3 s; the
 * server's `quality` takes it into account.
 */
export interface QualityReport {
  type: 'quality.report'
  frozen_ms: number
}

/** A hand for oneself, or, by a tutor, for a seat of the class. */
export interface HandRaise {
  type: 'hand.raise'
  seat?: string
}

/** Own hand; with `hand`, somebody's (master; tutor within the class). */
export interface HandLower {
  type: 'hand.lower'
  hand?: string
}

export interface ChatSend {
  type: 'chat.send'
  text: string
  id?: string
}

/** Master: scheduled or open -> live. */
export interface LessonStart {
  type: 'lesson.start'
}

/** Master: live -> ended, for everybody. */
export interface LessonEnd {
  type: 'lesson.end'
}

/** Going on purpose: no resume. */
export interface Leave {
  type: 'leave'
}

/** Answer to `hello`. */
export interface Welcome {
  type: 'welcome'
  seq?: number
  session: string
  resume: string
  resumed?: boolean
  me: PersonView
  lesson: LessonView
  heartbeat_s: number
  may_publish?: Array<string>
  server_ms?: number
  ice_servers?: Array<IceServer>
}

/** One person as others see them. A supervisor is in no such list. */
export interface PersonView {
  id: string
  name: string
  role: Role
  class_id?: string
  online?: boolean
  sources?: Array<string>
  muted?: Array<string>
}

/** All that the receiver may know of the lesson. */
export interface LessonView {
  id: string
  title: string
  state: LessonState
  phase: Phase
  recorded?: boolean
  recording?: 'failing' | 'off' | 'on'
  started_ms?: number
  classes?: Array<ClassView>
  people?: Array<PersonView>
  hands?: Array<HandView>
  chat?: Array<ChatView>
}

export interface ClassView {
  id: string
  name: string
  tutor?: string
  tutor_online?: boolean
  online?: number
  quality?: '' | 'fair' | 'good' | 'poor'
}

export interface HandView {
  id: string
  person: string
  name: string
  class_id?: string
  seat?: string
  since_ms?: number
}

export interface ChatView {
  id: string
  person: string
  name: string
  role: Role
  text: string
  at_ms: number
}

/** A STUN or TURN server, as in W3C's RTCIceServer. */
export interface IceServer {
  urls: Array<string>
  username?: string
  credential?: string
}

export interface Pong {
  type: 'pong'
  seq?: number
  id?: number
  server_ms?: number
}

export interface PublishAnswer {
  type: 'publish.answer'
  seq?: number
  sdp: string
}

/**
 * Which encodings of a simulcast are received by anybody: the others need not be sent until they are
 * named again. Before the first one all are sent.
 */
export interface PublishLayers {
  type: 'publish.layers'
  seq?: number
  source: string
  active: Array<string>
}

/** The server's offer for what this client gets. A higher version replaces an unanswered one. */
export interface SubscribeOffer {
  type: 'subscribe.offer'
  seq?: number
  version: number
  sdp: string
  streams: Array<StreamView>
  fresh?: boolean
}

/** One m-line of the receiving connection. */
export interface StreamView {
  mid: string
  person: string
  source: string
  kind: 'audio' | 'video'
}

/** Fresh credentials, before those of `welcome` run out: for new peer connections and ICE restarts. */
export interface IceServersChanged {
  type: 'ice.servers'
  seq?: number
  ice_servers: Array<IceServer>
}

/**
 * What the receiver's own line does to one stream. Every m-line of a `subscribe.offer` that carries
 * something new begins as `ok`.
 */
export interface StreamState {
  type: 'stream.state'
  seq?: number
  mid: string
  state: 'ok' | 'paused' | 'reduced'
  reason?: '' | 'bandwidth'
}

/**
 * How well the receiver is reached, and why not better; from a few seconds after media began, whenever it
 * changes. Worse is told after 2 s, better after 8 s.
 */
export interface QualityChanged {
  type: 'quality'
  seq?: number
  level: 'fair' | 'good' | 'poor'
  reason?: QualityReason
}

/** State, phase or recording state; fields as in LessonView. */
export interface LessonChanged {
  type: 'lesson'
  seq?: number
  state: LessonState
  phase: Phase
  recording: 'failing' | 'off' | 'on'
  started_ms?: number
  may_publish?: Array<string>
}

/** People and classes that changed since the last one, in batches of at most every 200 ms. */
export interface RosterChanged {
  type: 'roster'
  seq?: number
  people?: Array<PersonView>
  gone?: Array<string>
  classes?: Array<ClassView>
}

/** The whole queue in order. */
export interface HandsChanged {
  type: 'hands'
  seq?: number
  hands: Array<HandView>
}

/**
 * Who speaks now, of those whom the receiver hears, and itself: the whole list, at most five times a
 * second.
 */
export interface Speakers {
  type: 'speakers'
  seq?: number
  people: Array<string>
  lines?: Record<string, string>
}

export interface ChatMessage {
  type: 'chat'
  seq?: number
  message: ChatView
}

/** Something asked for was refused; nothing changed. Fields as in RFC 9457. */
export interface Error {
  type: 'error'
  seq?: number
  kind: string
  title: string
  detail?: string
  request?: string
}

/**
 * The server closes this connection; `retry` tells whether coming back makes sense. `refused`: not let
 * in, for the reason given by the `error` before it.
 */
export interface Bye {
  type: 'bye'
  seq?: number
  reason: 'ended' | 'expired' | 'protocol' | 'refused' | 'removed' | 'replaced' | 'shutdown' | 'slow'
  retry?: boolean
}

export type ClientMessage =
  | Hello
  | Ping
  | PublishOffer
  | PublishCandidate
  | PublishMute
  | SubscribeAnswer
  | SubscribeCandidate
  | SubscribeFailed
  | SubscribeRestart
  | QualityReport
  | HandRaise
  | HandLower
  | ChatSend
  | LessonStart
  | LessonEnd
  | Leave

export type ServerMessage =
  | Welcome
  | Pong
  | PublishAnswer
  | PublishLayers
  | SubscribeOffer
  | IceServersChanged
  | StreamState
  | QualityChanged
  | LessonChanged
  | RosterChanged
  | HandsChanged
  | Speakers
  | ChatMessage
  | Error
  | Bye
