/** What a viewer is told instead of, or over, the big picture: never a dark screen without words. Pure. */

import type { ConnectionState } from './connection'
import type { LessonState } from './lesson-state'
import type { MediaState } from './media-state'
import type { Stage } from './stage'
import type { Role } from '@/protocol/messages'

/** What a `<video>` is doing. `held`: it showed something and stands still now. */
export type Flow = 'waiting' | 'flowing' | 'held'

export interface StageWords {
  /** Key of the catalogue, under `stage`. */
  key:
    | 'connecting'
    | 'offline'
    | 'reconnecting'
    | 'notStarted'
    | 'ended'
    | 'cancelled'
    | 'recovering'
    | 'mediaConnecting'
    | 'masterAway'
    | 'masterReturning'
    | 'soundOnly'
    | 'noPicture'
    | 'cameraOff'
    | 'waitingPicture'
    | 'pausedForSound'
    | 'held'
    | 'break'
    | 'breakUntil'
    | 'takeOver'
    | 'takeOverAlone'
    | 'takeOverTutor'
    | 'takeOverWatch'
    | 'localQa'
    | 'localQaWatch'
    | 'catchUp'
  /** True: instead of the picture. False: one line over it. */
  cover: boolean
  /** Unix time in ms by the server's clock, where the words name one. */
  until?: number
}

export interface Situation {
  connection: ConnectionState
  receiving: MediaState
  lesson: LessonState | null
  stage: Stage
  flow: Flow
  /** The master's last picture is shown while theirs is missing. */
  held: boolean
  /** The master's line was lost and is back, their picture not yet. */
  returning: boolean
}

function lessonWords(lesson: LessonState): StageWords | null {
  if (lesson.state === 'ended') return { key: 'ended', cover: true }
  if (lesson.state === 'cancelled') return { key: 'cancelled', cover: true }
  return lesson.state === 'live' ? null : { key: 'notStarted', cover: true }
}

const WATCHING: readonly Role[] = ['master', 'supervisor', 'organizer']

function takeOver({ me, classes }: LessonState): StageWords['key'] {
  if (me.role === 'tutor') return 'takeOverTutor'
  if (WATCHING.includes(me.role)) return 'takeOverWatch'
  const own = classes.find((each) => each.id === me.class_id)
  return me.role === 'room' || own?.tutor_online ? 'takeOver' : 'takeOverAlone'
}

function breakWords(lesson: LessonState): StageWords {
  const { timer } = lesson.where.floor
  if (!timer) return { key: 'break', cover: true }
  return { key: 'breakUntil', cover: true, until: lesson.startedMs + timer.ends_ms }
}

/** Of a class by itself: a line that goes with whatever is seen. */
function apart(lesson: LessonState, cover: boolean): StageWords | null {
  switch (lesson.where.floor.situation) {
    case 'break':
      return breakWords(lesson)
    case 'take_over':
      return { key: takeOver(lesson), cover }
    case 'local_qa':
      return { key: WATCHING.includes(lesson.me.role) ? 'localQaWatch' : 'localQa', cover }
    case 'catch_up':
      return { key: 'catchUp', cover }
    default:
      return null
  }
}

function withoutPicture({ lesson, stage }: Situation): StageWords {
  const teaching = lesson?.people.some(
    (person) => person.online && ['master', 'encoder'].includes(person.role),
  )
  if (!teaching) return { key: 'masterAway', cover: true }
  return { key: stage.audio.length > 0 ? 'soundOnly' : 'noPicture', cover: true }
}

function ownerMuted(lesson: LessonState, stage: Stage): boolean {
  const owner = lesson.people.find((person) => person.id === stage.main?.person)
  return owner?.muted?.includes(stage.main?.source ?? '') ?? false
}

/** Null: the picture moves and there is nothing to say. */
export function wordsFor(situation: Situation): StageWords | null {
  const { connection, receiving, lesson, stage, flow, held } = situation
  const covered = !held && (flow === 'waiting' || !stage.main)
  if (connection === 'offline') return { key: 'offline', cover: covered }
  if (connection === 'reconnecting') return { key: 'reconnecting', cover: covered }
  if (!lesson) return { key: 'connecting', cover: true }
  const words = lessonWords(lesson)
  if (words) return words
  if (receiving === 'recovering') return { key: 'recovering', cover: covered }
  const by = apart(lesson, covered)
  if (by) return by
  if (situation.returning) return { key: 'masterReturning', cover: covered }
  return pictureWords(situation, lesson)
}

/** Of a class that is with the master: what is wrong with the picture. */
function pictureWords(situation: Situation, lesson: LessonState): StageWords | null {
  const { receiving, stage, flow } = situation
  if (!stage.main) return withoutPicture(situation)
  if (ownerMuted(lesson, stage)) return { key: 'cameraOff', cover: true }
  if (receiving === 'connecting') return { key: 'mediaConnecting', cover: true }
  if (stage.main.sent === 'paused') return { key: 'pausedForSound', cover: flow === 'waiting' }
  if (flow === 'waiting') return { key: 'waitingPicture', cover: true }
  return flow === 'held' ? { key: 'held', cover: false } : null
}
