import { describe, expect, it } from 'vitest'
import { fromWelcome, type LessonState } from '@/client/lesson-state'
import type { ReceivedStream } from '@/client/receiver'
import { arrange, EMPTY_STAGE, type Viewpoint } from '@/client/stage'
import { wordsFor, type Situation } from '@/client/stage-words'
import type { PersonView, Situation as SituationName } from '@/protocol/messages'
import { MASTER, STUDENT, TUTOR, welcome } from '../examples'
import { FakeTrack } from '../fakes'

const ENCODER: PersonView = { id: 'e', name: '录播', role: 'encoder', online: true }
const SUPERVISOR: PersonView = { id: 'v', name: '督查', role: 'supervisor', online: true }
const PEOPLE = [MASTER, TUTOR, STUDENT, ENCODER]

function stream(person: string, source: string): ReceivedStream {
  const kind = source === 'microphone' || source.endsWith('audio') ? 'audio' : 'video'
  return { mid: source, person, source, kind, track: new FakeTrack(kind, `${person} ${source}`).real }
}

const PAUSED = { ...EMPTY_STAGE, main: { ...stream('m', 'camera'), sent: 'paused' as const } }

const VIEW: Viewpoint = { people: PEOPLE, watched: false, spotlight: '', leading: [], masterless: false }

const names = (...streams: (ReceivedStream | null)[]) => streams.map((each) => each?.track.id ?? null)

describe('the stage', () => {
  it('shows the screen large and the face small', () => {
    const streams = [stream('m', 'camera'), stream('m', 'microphone'), stream('m', 'screen')]
    const stage = arrange(streams, VIEW)
    expect(names(stage.main, ...stage.insets, ...stage.audio)).toEqual([
      'm screen',
      'm camera',
      'm microphone',
    ])
  })

  it('shows the master before an encoder, and an encoder before anybody else', () => {
    const streams = [stream('t1', 'camera'), stream('e', 'hall.video'), stream('m', 'camera')]
    expect(names(arrange(streams, VIEW).main)).toEqual(['m camera'])
    expect(names(arrange(streams.slice(0, 2), VIEW).main)).toEqual(['e hall.video'])
  })

  it('puts the rooms on the wall for who watches over them', () => {
    const stage = arrange([stream('t1', 'camera'), stream('m', 'camera')], { ...VIEW, watched: true })
    expect(names(stage.main, ...stage.insets, ...stage.wall)).toEqual(['m camera', 't1 camera'])
  })

  it('shows a class large into which somebody looks', () => {
    const streams = [stream('t1', 'camera'), stream('m', 'camera')]
    const stage = arrange(streams, { ...VIEW, watched: true, leading: ['t1'] })
    expect(names(stage.main, ...stage.insets)).toEqual(['t1 camera', 'm camera'])
    expect(stage.wall).toEqual([])
  })

  it('shows the tutor of a class by itself before the face of the master, and after a screen', () => {
    const streams = [stream('m', 'camera'), stream('s1', 'camera'), stream('t1', 'camera')]
    const view = { ...VIEW, leading: ['t1'] }
    const faces = arrange(streams, view)
    expect(names(faces.main, ...faces.insets)).toEqual(['t1 camera', 'm camera', 's1 camera'])
    expect(names(arrange([...streams, stream('m', 'screen')], view).main)).toEqual(['m screen'])
  })

  it('shows who is in the spotlight before all, from the wall too', () => {
    const streams = [stream('m', 'screen'), stream('t1', 'camera')]
    const stage = arrange(streams, { ...VIEW, watched: true, spotlight: 't1' })
    expect(names(stage.main, ...stage.insets, ...stage.wall)).toEqual(['t1 camera', 'm screen'])
  })

  it('leaves to the tutor what the master cannot fill', () => {
    const streams = [stream('m', 'screen'), stream('e', 'hall.video'), stream('t1', 'camera')]
    const stage = arrange(streams, { ...VIEW, leading: ['t1'], masterless: true })
    expect(names(stage.main, ...stage.insets)).toEqual(['t1 camera'])
  })
})

/** The lesson, elsewhere. */
function where(lesson: LessonState, situation: SituationName, timerEndsMs = 0): LessonState {
  const timer = timerEndsMs ? { seconds: 600, ends_ms: timerEndsMs } : undefined
  return { ...lesson, where: { ...lesson.where, floor: { ...lesson.where.floor, situation, timer } } }
}

describe('words', () => {
  const lesson = fromWelcome(welcome(), 0)
  const shown: Situation = {
    connection: 'online',
    receiving: 'connected',
    lesson,
    stage: { ...EMPTY_STAGE, main: stream('m', 'camera') },
    flow: 'flowing',
    held: false,
    returning: false,
  }

  it('are not needed while the picture moves', () => {
    expect(wordsFor(shown)).toBeNull()
  })

  it.each<[string, Partial<Situation>, boolean]>([
    ['connecting', { lesson: null, connection: 'connecting' }, true],
    ['offline', { connection: 'offline' }, false],
    ['reconnecting', { connection: 'reconnecting' }, false],
    ['reconnecting', { connection: 'reconnecting', flow: 'waiting' }, true],
    ['notStarted', { lesson: { ...lesson, state: 'open' } }, true],
    ['ended', { lesson: { ...lesson, state: 'ended' } }, true],
    ['cancelled', { lesson: { ...lesson, state: 'cancelled' } }, true],
    ['recovering', { receiving: 'recovering' }, false],
    ['mediaConnecting', { receiving: 'connecting', flow: 'waiting' }, true],
    ['waitingPicture', { flow: 'waiting' }, true],
    ['held', { flow: 'held' }, false],
    ['pausedForSound', { flow: 'held', stage: PAUSED }, false],
    ['pausedForSound', { flow: 'waiting', stage: PAUSED }, true],
    ['noPicture', { stage: EMPTY_STAGE }, true],
    ['soundOnly', { stage: { ...EMPTY_STAGE, audio: [stream('m', 'microphone')] } }, true],
    [
      'masterAway',
      { stage: EMPTY_STAGE, lesson: { ...lesson, people: [TUTOR, { ...MASTER, online: false }] } },
      true,
    ],
    ['cameraOff', { flow: 'held', lesson: { ...lesson, people: [{ ...MASTER, muted: ['camera'] }] } }, true],
    ['masterReturning', { flow: 'waiting', held: true, returning: true }, false],
    ['masterReturning', { flow: 'waiting', returning: true }, true],
    ['takeOver', { lesson: where(lesson, 'take_over'), held: true, flow: 'waiting' }, false],
    ['takeOver', { lesson: where(lesson, 'take_over'), stage: EMPTY_STAGE }, true],
    ['takeOver', { lesson: where(lesson, 'take_over') }, false],
    ['takeOverAlone', { lesson: { ...where(lesson, 'take_over'), classes: [] } }, false],
    ['takeOverTutor', { lesson: { ...where(lesson, 'take_over'), me: TUTOR } }, false],
    ['takeOverWatch', { lesson: { ...where(lesson, 'take_over'), me: SUPERVISOR } }, false],
    ['localQa', { lesson: where(lesson, 'local_qa') }, false],
    ['localQaWatch', { lesson: { ...where(lesson, 'local_qa'), me: SUPERVISOR } }, false],
    ['break', { lesson: where(lesson, 'break'), stage: EMPTY_STAGE }, true],
  ])('%s', (key, changes, cover) => {
    expect(wordsFor({ ...shown, ...changes })).toEqual({ key, cover })
  })

  it('say when a break with a timer is over', () => {
    const pause = { ...where(lesson, 'break', 600_000), startedMs: 1_000 }
    expect(wordsFor({ ...shown, lesson: pause })).toEqual({ key: 'breakUntil', cover: true, until: 601_000 })
  })
})
