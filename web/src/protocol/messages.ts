// Generated from signaling/messages.py by web/generate-protocol.py. Do not edit.

export type Role = 'master' | 'tutor' | 'room' | 'student' | 'supervisor' | 'encoder' | 'organizer'

export type Phase = 'lecture' | 'local_qa' | 'interaction' | 'break'

export type LessonState = 'scheduled' | 'open' | 'live' | 'ended' | 'cancelled'

export type QualityReason = '' | 'interrupted' | 'frozen' | 'loss_up' | 'loss_down' | 'bandwidth' | 'delay' | 'jitter'

export type ClassState = 'together' | 'local_qa' | 'catch_up'

export type Situation = 'lecture' | 'local_qa' | 'interaction' | 'break' | 'catch_up' | 'take_over'

export type NoticeKind = 'timer_ended' | 'late_start' | 'overrun' | 'master_lost' | 'master_back' | 'resumed' | 'stage_declined' | 'stage_expired' | 'tutor_changed' | 'class_without_tutor' | 'class_online'

export type Mark = 'present' | 'late' | 'absent'

export type ChatScope = 'lesson' | 'class' | 'private'

export type QuizKind = 'single' | 'multiple' | 'true_false'

/** First message, within 5 s of connecting; nothing else is read before it. */
export interface Hello {
  type: 'hello'
  token: string
  resume?: string
  last_seq?: number
  attempt?: number
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

/**
 * To everybody, to a class (its people, and those who see all classes), or privately between a tutor and
 * the master.
 */
export interface ChatSend {
  type: 'chat.send'
  text: string
  id?: string
  scope?: ChatScope
  to?: string
}

/** Master and organizer: any message that is not private; tutor: of the own class. The record keeps it. */
export interface ChatDelete {
  type: 'chat.delete'
  chat_id: string
}

/** Pupils may not write any more (in the lesson's chat tutors neither), or may again. */
export interface ChatClose {
  type: 'chat.close'
  closed: boolean
  class_id?: string
}

/** Takes the place of the last one: for everybody, or by a tutor for the own class. */
export interface Announce {
  type: 'announce'
  text: string
}

/**
 * Asks for the private line between a tutor and the master; it rings for 45 s. While it is open the two
 * hear each other's microphone, and nobody else hears anything of either: nor of a device beside one of
 * them. Calling who calls oneself is accepting.
 */
export interface VoiceCallRequest {
  type: 'voice.call'
  to?: string
}

export interface VoiceAccept {
  type: 'voice.accept'
  person_id?: string
}

/** Ends, declines, or takes the own ringing back. */
export interface VoiceEnd {
  type: 'voice.end'
  person_id?: string
}

/**
 * Nothing of this source is forwarded until its owner says `publish.mute` with `muted` false; where
 * `allow.unmute` is off, a pupil needs `moderate.release` for that. Master, organizer; a tutor within the
 * class.
 */
export interface ModerateMute {
  type: 'moderate.mute'
  person_id: string
  source: string
}

/** The track is taken down. Its owner may offer it again, under the same condition as for unmuting. */
export interface ModerateStop {
  type: 'moderate.stop'
  person_id: string
  source: string
}

/** The owner may open again what was muted or stopped. Nobody opens it for them. */
export interface ModerateRelease {
  type: 'moderate.release'
  person_id: string
  source: string
}

/** Out of the lesson (`bye` removed), and not in again before `moderate.readmit`. */
export interface ModerateRemove {
  type: 'moderate.remove'
  person_id: string
}

/** Master, organizer: may come in again. */
export interface ModerateReadmit {
  type: 'moderate.readmit'
  person_id: string
}

/** Master, organizer: no pupil comes in any more who has not been in; or they may again. */
export interface LessonLock {
  type: 'lesson.lock'
  locked: boolean
}

/** Master, organizer: what pupils may do in this lesson; all four are set. */
export interface AllowSet {
  type: 'allow'
  chat: boolean
  hand: boolean
  unmute: boolean
  screen: boolean
}

/** Master: one is open at a time. */
export interface QuizOpen {
  type: 'quiz.open'
  kind: QuizKind
  question?: string
  options?: Array<string>
  correct?: Array<number>
  seconds?: number
}

/** A pupil's own answer; another one replaces it while the quiz is open. Answered by `quiz`. */
export interface QuizAnswer {
  type: 'quiz.answer'
  quiz_id: string
  choices: Array<number>
}

/**
 * Tutor: how many pupils of the own class, of those who have no device, chose each option. Another one
 * replaces it; until a minute after the end.
 */
export interface QuizTally {
  type: 'quiz.tally'
  quiz_id: string
  counts: Array<number>
  answered?: number
}

export interface QuizClose {
  type: 'quiz.close'
  quiz_id?: string
}

/** Everybody sees the result, open or closed, or no longer does. */
export interface QuizShow {
  type: 'quiz.show'
  quiz_id: string
  shown: boolean
}

/**
 * Master: the phase of all, from now on. The same phase again sets its timer anew. `local_qa` and `break`
 * bring classes back from a Q&A of their own, and empty the stage.
 */
export interface PhaseSet {
  type: 'phase.set'
  phase: Phase
  seconds?: number
}

/**
 * A class leaves for its own Q&A while the lecture goes on, or comes back: its tutor for the own class,
 * the master for any. In phases `lecture` and `interaction` only. Its members on stage go down.
 */
export interface PhaseClass {
  type: 'phase.class'
  class_id?: string
  phase?: 'local_qa' | null
  catch_up?: boolean
}

/**
 * Master or supervisor: hears and sees a class that is by itself (in local Q&A, catching up, or taken
 * over by its tutor). Answered by `look`; ends by itself when the class is back. The class sees that the
 * master looks in (`looks_in` of the master in `roster`); of a supervisor nobody sees anything.
 */
export interface LookIn {
  type: 'look.in'
  class_id: string | null
}

/** Master, back after a lost line (`floor.master` is `back`): the classes return to the lesson. */
export interface LessonResume {
  type: 'lesson.resume'
}

/** Master or organizer; what is null stays as it is. */
export interface LessonSettingsChange {
  type: 'lesson.settings'
  stage_limit?: number | null
  duck?: boolean | null
  resume_by_click?: boolean | null
}

/**
 * A tutor takes a class over whose tutor is not there, on record; the registered tutor takes it back the
 * same way. Another class than the own may be taken by tutors who are registered for one of the lesson's,
 * or stand by for the lesson or the class's school: answered by `bye` (`moved`), and by coming in anew they
 * are the tutor of that class, and no longer of the one before.
 */
export interface ClassTutor {
  type: 'class.tutor'
  class_id?: string
}

/**
 * Tutor (own class) or organizer: a room class becomes an at-home class, at once and for the rest of the
 * lesson. Answered by `class.links`; said again, the links come again.
 */
export interface ClassOnline {
  type: 'class.online'
  class_id?: string
}

/** Master: everybody's hands go down. */
export interface HandAllDown {
  type: 'hand.all_down'
}

/**
 * Master: brings somebody on stage, by person or by hand. A pupil at home is asked first, always; a room
 * that raised a hand comes up at once (its device, where it has one, else its tutor); one that raised none
 * is asked through its tutor. Who is asked is in `stage.invited` for a minute.
 */
export interface StageInvite {
  type: 'stage.invite'
  person_id?: string
  hand_id?: string
}

/**
 * The invited comes up; a tutor says it for the class's room. Camera and microphone may be published once
 * `may_publish` has them.
 */
export interface StageAccept {
  type: 'stage.accept'
}

/**
 * The invited declines; a tutor may decline for anybody of the class: the hand by which they asked goes
 * down. The master takes an invitation back: the hand stays.
 */
export interface StageDecline {
  type: 'stage.decline'
  person_id?: string
}

/** Down from the stage: oneself; by a tutor anybody of the class; by the master anybody. */
export interface StageLeave {
  type: 'stage.leave'
  person_id?: string
}

/** Master: one of those on stage is shown large. */
export interface StageSpotlight {
  type: 'stage.spotlight'
  person_id: string | null
}

/**
 * The master points at a picture, or somebody on stage at the screen that they share. At most ten a
 * second are passed on; what is more is lost. There is no message for taking it away: pages let a pointer
 * fade that has not moved for 2 s, so who holds it still says so again every second.
 */
export interface PointerMove {
  type: 'pointer.move'
  person?: string
  source: string
  x: number
  y: number
}

/** Tutor: these pupils of the own class are present, late or absent; on record. */
export interface RollMark {
  type: 'roll.mark'
  mark: Mark | null
  seats?: Array<string>
  people?: Array<string>
  rest?: boolean
}

/**
 * Tutor: who sits where in the own class, in order. Marks of seats that are not there any more are
 * gone.
 */
export interface RollRegister {
  type: 'roll.register'
  pupils: Array<PupilView>
}

/** A row of a class's register. */
export interface PupilView {
  seat: string
  name?: string
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
  heard?: number
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
  looks_in?: string
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
  floor: FloorView
  stage: StageView
  conduct?: ConductView
  talk?: TalkView
  rolls?: Array<RollView>
}

export interface ClassView {
  id: string
  name: string
  tutor?: string
  tutor_online?: boolean
  registered?: string
  room_online?: boolean
  online?: number
  at_home?: boolean
  pupils?: number
  state?: ClassState
  state_since_ms?: number
  called?: number
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
  scope?: ChatScope
  class_id?: string
  tutor?: string
}

/** What goes on where the receiver is. All times are of the lesson clock. */
export interface FloorView {
  situation: Situation
  settings: SettingsView
  phase_since_ms?: number
  timer?: TimerView | null
  master?: 'back' | 'here' | 'lost'
  class_since_ms?: number
  class_left_ms?: number
  starts_ms?: number
  ends_ms?: number
}

/** What may be set for each lesson, as in `lesson.settings`. */
export interface SettingsView {
  stage_limit: number
  duck: boolean
  resume_by_click: boolean
}

/** How long the phase is meant to last. After `ends_ms` it counts what is over the time. */
export interface TimerView {
  seconds: number
  ends_ms: number
}

export interface StageView {
  members?: Array<StageMemberView>
  spotlight?: string
  invited?: Array<InvitationView>
}

/** One who is on stage. With the name: most receivers do not have them in their roster. */
export interface StageMemberView {
  person: string
  name: string
  role: Role
  class_id?: string
  seat?: string
  since_ms?: number
}

/** Somebody who is asked to come on stage: shown to master, organizer, supervisor and the class. */
export interface InvitationView {
  person: string
  name: string
  role: Role
  class_id?: string
  until_ms?: number
}

/** What is allowed in the lesson. */
export interface ConductView {
  allow: AllowView
  locked?: boolean
  chat_closed?: boolean
  closed_class_chats?: Array<string>
}

/** What pupils may do. */
export interface AllowView {
  chat?: boolean
  hand?: boolean
  unmute?: boolean
  screen?: boolean
}

/** What there is of talk and order when the receiver comes in, beside the chat. */
export interface TalkView {
  announcements?: Array<AnnouncementView>
  quizzes?: Array<QuizView>
  calls?: Array<VoiceView>
  removed?: Array<RemovedView>
}

export interface AnnouncementView {
  id: string
  person: string
  name: string
  role: Role
  text?: string
  at_ms: number
  class_id?: string
}

export interface QuizView {
  id: string
  kind: QuizKind
  question?: string
  options: Array<string>
  correct?: Array<number>
  opened_ms: number
  closes_ms?: number
  closed?: boolean
  shown?: boolean
  choices?: Array<number>
  result?: ResultView | null
}

export interface ResultView {
  counts: Array<number>
  answered: number
  classes?: Array<ClassResultView>
}

export interface ClassResultView {
  class_id?: string
  counts: Array<number>
  answered: number
  tallied?: number
}

/** A private line. */
export interface VoiceView {
  tutor: string
  master: string
  caller: string
  class_id?: string
  accepted?: boolean
  since_ms: number
}

export interface RemovedView {
  person: string
  name: string
}

/** A class's roll call: to its tutors with seats and names, to those who see all classes the numbers. */
export interface RollView {
  class_id: string
  present?: number
  late?: number
  absent?: number
  total?: number
  register?: Array<PupilView> | null
  marks?: Array<MarkView>
}

/** What is said of one pupil: of a seat, or of somebody who comes in by themselves. */
export interface MarkView {
  seat?: string
  person?: string
  mark?: Mark | null
  at_ms?: number
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
  heard?: number
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
  held?: boolean
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
 * Which m-lines carry nothing from now on, whatever was said before: what they show is over, and not to
 * be shown. They go on without an offer when they are no longer in here: the tutor's when the class is by
 * itself, the master's when it is back.
 */
export interface StreamsHeld {
  type: 'streams.held'
  seq?: number
  mids: Array<string>
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

/** State, phase, what goes on where the receiver is, or recording state; fields as in LessonView. */
export interface LessonChanged {
  type: 'lesson'
  seq?: number
  state: LessonState
  phase: Phase
  recording: 'failing' | 'off' | 'on'
  started_ms?: number
  reason?: string
  may_publish?: Array<string>
  floor: FloorView
}

/** People and classes that changed since the last one, in batches of at most every 200 ms. */
export interface RosterChanged {
  type: 'roster'
  seq?: number
  people?: Array<PersonView>
  gone?: Array<string>
  classes?: Array<ClassView>
  classes_gone?: Array<string>
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
 * in, for the reason given by the `error` before it. `moved`: a tutor took another class over, and comes in
 * anew as its tutor. `replaced`: a newer connection of the same person has the place.
 */
export interface Bye {
  type: 'bye'
  seq?: number
  reason: 'ended' | 'expired' | 'moved' | 'protocol' | 'refused' | 'removed' | 'replaced' | 'shutdown' | 'slow'
  retry?: boolean
  retry_after_ms?: number
}

export interface ChatMessage {
  type: 'chat'
  seq?: number
  message: ChatView
}

/** A message that the receiver has seen is no longer there. */
export interface ChatDeleted {
  type: 'chat.deleted'
  seq?: number
  chat_id: string
}

/** In place of the last one for the same class, or for everybody. */
export interface Announcement {
  type: 'announcement'
  seq?: number
  announcement: AnnouncementView
}

/** What is allowed has changed. */
export interface Conduct {
  type: 'conduct'
  seq?: number
  conduct: ConductView
}

/**
 * To whom it happened. `muted`: nothing of it is forwarded, the page shows it as muted; `stopped`: the
 * track was taken down, the page stops its device; `released`: the receiver may open it again. What may be
 * sent now is in `lesson`.
 */
export interface Moderated {
  type: 'moderated'
  seq?: number
  act: 'muted' | 'released' | 'stopped'
  source: string
  by: string
}

/** To master and organizer: everybody who is shut out. */
export interface RemovedChanged {
  type: 'removed'
  seq?: number
  people: Array<RemovedView>
}

/** The receiver's private lines, all of them, in the order in which they rang. */
export interface VoiceChanged {
  type: 'voice'
  seq?: number
  calls: Array<VoiceView>
}

/** A quiz was opened, closed or shown, or the receiver has answered it. */
export interface QuizChanged {
  type: 'quiz'
  seq?: number
  quiz: QuizView
}

/** It has grown: to those who see it, at most every 200 ms. */
export interface QuizResult {
  type: 'quiz.result'
  seq?: number
  quiz_id: string
  result: ResultView
}

/**
 * The whole stage. Who is on it is received by everybody who is with the others. A `lesson` came just
 * before, with what the receiver may publish now.
 */
export interface StageChanged {
  type: 'stage'
  seq?: number
  stage: StageView
}

/** Into which class the receiver looks. */
export interface LookChanged {
  type: 'look'
  seq?: number
  class_id: string | null
}

/** Something that people are to be told in words. Of a class: to it, and to those who see all classes. */
export interface Notice {
  type: 'notice'
  seq?: number
  kind: NoticeKind
  text: string
  class_id?: string
  person?: string
}

/**
 * For who may hand it out (the class's tutor, master, organizer): with this the pupils of a class that
 * went online join. One link for all of them; each gets a token of their own for it, with the name that they
 * type (POST /api/v1/join).
 */
export interface ClassLinks {
  type: 'class.links'
  seq?: number
  class_id: string
  token: string
  expires_at: number
}

/**
 * Where somebody points, to all who get that picture. Not counted (no `seq`), not kept, overtakes what
 * waits; who cannot take it in time gets the latest one alone. Pages glide from one to the next.
 */
export interface Pointer {
  type: 'pointer'
  seq?: number
  by: string
  person: string
  source: string
  x: number
  y: number
}

/** Of one class. */
export interface RollChanged {
  type: 'roll'
  seq?: number
  roll: RollView
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
  | LessonStart
  | LessonEnd
  | Leave
  | ChatSend
  | ChatDelete
  | ChatClose
  | Announce
  | VoiceCallRequest
  | VoiceAccept
  | VoiceEnd
  | ModerateMute
  | ModerateStop
  | ModerateRelease
  | ModerateRemove
  | ModerateReadmit
  | LessonLock
  | AllowSet
  | QuizOpen
  | QuizAnswer
  | QuizTally
  | QuizClose
  | QuizShow
  | PhaseSet
  | PhaseClass
  | LookIn
  | LessonResume
  | LessonSettingsChange
  | ClassTutor
  | ClassOnline
  | HandAllDown
  | StageInvite
  | StageAccept
  | StageDecline
  | StageLeave
  | StageSpotlight
  | PointerMove
  | RollMark
  | RollRegister

export type ServerMessage =
  | Welcome
  | Pong
  | PublishAnswer
  | PublishLayers
  | SubscribeOffer
  | IceServersChanged
  | StreamState
  | StreamsHeld
  | QualityChanged
  | LessonChanged
  | RosterChanged
  | HandsChanged
  | Speakers
  | Error
  | Bye
  | ChatMessage
  | ChatDeleted
  | Announcement
  | Conduct
  | Moderated
  | RemovedChanged
  | VoiceChanged
  | QuizChanged
  | QuizResult
  | StageChanged
  | LookChanged
  | Notice
  | ClassLinks
  | Pointer
  | RollChanged
