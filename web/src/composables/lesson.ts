/** The lesson's core bound to Vue: values that pages show, and what people can do. */

import {
  computed,
  inject,
  onBeforeUnmount,
  provide,
  ref,
  shallowRef,
  type InjectionKey,
  type ShallowRef,
} from 'vue'
import type { Error as Refusal, Moderated, Pointer } from '@/protocol/messages'
import type { ConnectionState, Ending } from '@/client/connection'
import type { DeviceProblem } from '@/client/devices'
import { LessonClient, type LessonEvents } from '@/client/lesson-client'
import { elapsedMs, type LessonState } from '@/client/lesson-state'
import type { LocalState } from '@/client/local-media'
import type { MediaState } from '@/client/media-state'
import { NO_TALK } from '@/talk/talk-state'
import {
  agreed,
  frozenBetween,
  readReport,
  verdictBetween,
  worst,
  type Reading,
  type Verdict,
} from '@/client/quality'
import { isSource, type Source } from '@/client/publisher'
import type { ReceivedStream } from '@/client/receiver'
import { arrange, EMPTY_STAGE, type Viewpoint } from '@/client/stage'
import { overrides, session } from '@/composables/session'
import { currentLanguage } from '@/i18n'

const NOTHING_LOCAL: LocalState = {
  camera: false,
  microphone: false,
  screen: false,
  cameraTrack: null,
  microphoneTrack: null,
  screenTrack: null,
}

/** Something the person is told beside the page's own words. */
export type Notice =
  | { id: number; kind: 'refused'; refusal: Refusal }
  | { id: number; kind: 'device'; problem: DeviceProblem | 'lost'; source: Source }
  | { id: number; kind: 'told'; text: string }
  | { id: number; kind: 'moderated'; act: Moderated['act']; source: Source }
  | { id: number; kind: 'recordingFailing' | 'recordingBack' | 'back' | 'notSent' }

type NewNotice = Notice extends infer Each ? (Each extends Notice ? Omit<Each, 'id'> : never) : never

/** At most so many at once: they cover the page. */
const NOTICE_LIMIT = 3
const PASSING_NOTICE_MS = 5_000
const QUALITY_EVERY_MS = 3_000

function useNotices() {
  const notices = ref<Notice[]>([])
  let count = 0
  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id)
  }
  function tell(notice: NewNotice): void {
    count += 1
    const id = count
    notices.value = [...notices.value, { ...notice, id } as Notice].slice(-NOTICE_LIMIT)
    if (['back', 'recordingBack', 'told'].includes(notice.kind)) {
      setTimeout(() => {
        dismiss(id)
      }, PASSING_NOTICE_MS)
    }
  }
  return { notices, dismiss, tell }
}

/** This machine's Unix time, ms, once a second. */
function useNow() {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 1_000)
  onBeforeUnmount(() => {
    clearInterval(timer)
  })
  return now
}

/** What is to be said of the sending and the receiving line; null while there is none. */
function useQuality(client: LessonClient, lesson: ShallowRef<LessonState | null>) {
  const own = shallowRef<Verdict | null>(null)
  const before = new Map<RTCPeerConnection, Reading>()
  async function measure(): Promise<void> {
    const found: Verdict[] = []
    let frozenMs = 0
    for (const connection of [client.publisher.connection, client.receiver.connection]) {
      if (connection?.connectionState !== 'connected') continue
      const reading = readReport((await connection.getStats()).values())
      const last = before.get(connection)
      if (last) {
        found.push(verdictBetween(last, reading))
        frozenMs = Math.max(frozenMs, frozenBetween(last, reading))
      }
      before.set(connection, reading)
    }
    for (const connection of before.keys())
      if (connection.connectionState === 'closed') before.delete(connection)
    own.value = found.length > 0 ? worst(found) : null
    if (frozenMs > 0) client.reportFrozen(frozenMs)
  }
  const timer = setInterval(() => void measure(), QUALITY_EVERY_MS)
  onBeforeUnmount(() => {
    clearInterval(timer)
  })
  return computed(() => agreed(lesson.value?.quality ?? null, own.value))
}

/** What the core says, as values that pages show. */
function useState() {
  return {
    connection: ref<ConnectionState>('idle'),
    lesson: shallowRef<LessonState | null>(null),
    streams: shallowRef<ReceivedStream[]>([]),
    receiving: ref<MediaState>('none'),
    sending: ref<MediaState>('none'),
    local: shallowRef<LocalState>(NOTHING_LOCAL),
    ending: shallowRef<Ending | null>(null),
    /** Where somebody pointed last. */
    pointer: shallowRef<Pointer | null>(null),
  }
}

function eventsInto(state: ReturnType<typeof useState>, tell: (notice: NewNotice) => void): LessonEvents {
  return {
    onConnection(connection) {
      const away = state.connection.value === 'reconnecting' || state.connection.value === 'offline'
      if (connection === 'online' && away) tell({ kind: 'back' })
      state.connection.value = connection
    },
    onLesson(lesson) {
      const before = state.lesson.value?.recording
      if (lesson.recording === 'failing' && before !== 'failing') tell({ kind: 'recordingFailing' })
      if (lesson.recording === 'on' && before === 'failing') tell({ kind: 'recordingBack' })
      state.lesson.value = lesson
    },
    onStreams: (streams) => (state.streams.value = streams),
    onReceiving: (receiving) => (state.receiving.value = receiving),
    onSending: (sending) => (state.sending.value = sending),
    onLocal: (local) => (state.local.value = local),
    onDeviceProblem(problem, source) {
      tell({ kind: 'device', problem, source })
    },
    onTold(text) {
      tell({ kind: 'told', text })
    },
    onPointer: (pointer) => (state.pointer.value = pointer),
    onRefusal(refusal) {
      tell({ kind: 'refused', refusal })
    },
    onModerated({ act, source }) {
      if (isSource(source)) tell({ kind: 'moderated', act, source })
    },
    onEnding: (ending) => (state.ending.value = ending),
  }
}

/** Those who lead where this person is or looks: the tutor of a class by itself, a class that is looked into; on a room's screen who is on stage. */
function leadingHere(lesson: LessonState): string[] {
  const { me, where, people, classes } = lesson
  if (where.looking)
    return people.filter((person) => person.class_id === where.looking).map((person) => person.id)
  const own = classes.find((each) => each.id === me.class_id)
  if (['local_qa', 'take_over', 'catch_up'].includes(where.floor.situation))
    return own?.tutor ? [own.tutor] : []
  return me.role === 'room' ? (where.stage.members ?? []).map((member) => member.person) : []
}

function viewpoint(lesson: LessonState): Viewpoint {
  return {
    people: lesson.people,
    watched: lesson.me.role === 'master' || lesson.me.role === 'supervisor',
    spotlight: lesson.where.stage.spotlight ?? '',
    leading: leadingHere(lesson),
    masterless: lesson.where.floor.situation === 'take_over',
  }
}

function createLesson() {
  const { notices, dismiss, tell } = useNotices()
  const state = useState()
  const { lesson, streams } = state
  const now = useNow()
  const client = new LessonClient({
    token: session.token,
    language: currentLanguage(),
    overrides,
    devices: session.devices,
    events: eventsInto(state, tell),
  })
  const role = computed(() => lesson.value?.me.role ?? session.claims?.role ?? 'student')
  return {
    ...state,
    client,
    notices,
    dismiss,
    role,
    stage: computed(() => (lesson.value ? arrange(streams.value, viewpoint(lesson.value)) : EMPTY_STAGE)),
    quality: useQuality(client, lesson),
    /** Lesson time, ms. */
    elapsed: computed(() => (lesson.value ? elapsedMs(lesson.value, now.value) : 0)),
    /** Unix time by the server's clock, ms. */
    serverMs: computed(() => now.value + (lesson.value?.clockOffsetMs ?? 0)),
    talk: computed(() => lesson.value?.talk ?? NO_TALK),
    /** Says so where an action could not be sent and is not kept. */
    sent(kept: boolean): boolean {
      if (!kept) tell({ kind: 'notSent' })
      return kept
    },
  }
}

export type LessonContext = ReturnType<typeof createLesson>

const LESSON: InjectionKey<LessonContext> = Symbol('lesson')

/** Called once, by the lesson's page. */
export function provideLesson(): LessonContext {
  const context = createLesson()
  provide(LESSON, context)
  const online = () => {
    context.client.networkChanged(true)
  }
  const offline = () => {
    context.client.networkChanged(false)
  }
  window.addEventListener('online', online)
  window.addEventListener('offline', offline)
  onBeforeUnmount(() => {
    window.removeEventListener('online', online)
    window.removeEventListener('offline', offline)
    context.client.leave()
  })
  return context
}

export function useLesson(): LessonContext {
  const context = inject(LESSON)
  if (!context) throw new Error('used outside the lesson page')
  return context
}
