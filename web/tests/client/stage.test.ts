import { describe, expect, it } from 'vitest'
import { fromWelcome } from '@/client/lesson-state'
import type { ReceivedStream } from '@/client/receiver'
import { arrange, EMPTY_STAGE } from '@/client/stage'
import { wordsFor, type Situation } from '@/client/stage-words'
import type { PersonView } from '@/protocol/messages'
import { MASTER, STUDENT, TUTOR, welcome } from '../examples'
import { FakeTrack } from '../fakes'

const ENCODER: PersonView = { id: 'e', name: '录播', role: 'encoder', online: true }
const PEOPLE = [MASTER, TUTOR, STUDENT, ENCODER]

function stream(person: string, source: string): ReceivedStream {
  const kind = source === 'microphone' || source.endsWith('audio') ? 'audio' : 'video'
  return { mid: source, person, source, kind, track: new FakeTrack(kind, `${person} ${source}`).real }
}

const PAUSED = { ...EMPTY_STAGE, main: { ...stream('m', 'camera'), sent: 'paused' as const } }

const names = (...streams: (ReceivedStream | null)[]) => streams.map((each) => each?.track.id ?? null)

describe('the stage', () => {
  it('shows the screen large and the face small', () => {
    const stage = arrange(
      [stream('m', 'camera'), stream('m', 'microphone'), stream('m', 'screen')],
      PEOPLE,
      false,
    )
    expect(names(stage.main, stage.inset, ...stage.audio)).toEqual(['m screen', 'm camera', 'm microphone'])
  })

  it('shows the master before an encoder, and an encoder before anybody else', () => {
    const streams = [stream('t1', 'camera'), stream('e', 'hall.video'), stream('m', 'camera')]
    expect(names(arrange(streams, PEOPLE, false).main)).toEqual(['m camera'])
    expect(names(arrange(streams.slice(0, 2), PEOPLE, false).main)).toEqual(['e hall.video'])
  })

  it('puts the rooms on the wall for who watches over them', () => {
    const stage = arrange([stream('t1', 'camera'), stream('m', 'camera')], PEOPLE, true)
    expect(names(stage.main, stage.inset, ...stage.wall)).toEqual(['m camera', null, 't1 camera'])
  })
})

describe('words', () => {
  const lesson = fromWelcome(welcome(), 0)
  const shown: Situation = {
    connection: 'online',
    receiving: 'connected',
    lesson,
    stage: { ...EMPTY_STAGE, main: stream('m', 'camera') },
    flow: 'flowing',
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
  ])('%s', (key, changes, cover) => {
    expect(wordsFor({ ...shown, ...changes })).toEqual({ key, cover })
  })
})
