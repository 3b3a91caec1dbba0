/** What a viewer is told instead of, or over, the big picture: never a dark screen without words. Pure. */

import type { ConnectionState } from './connection'
import type { LessonState } from './lesson-state'
import type { MediaState } from './media-state'
import type { Stage } from './stage'

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
    | 'soundOnly'
    | 'noPicture'
    | 'cameraOff'
    | 'waitingPicture'
    | 'pausedForSound'
    | 'held'
    | 'break'
    | 'takeOver'
    | 'localQa'
    | 'catchUp'
  /** True: instead of the picture. False: one line over it. */
  cover: boolean
}

export interface Situation {
  connection: ConnectionState
  receiving: MediaState
  lesson: LessonState | null
  stage: Stage
  flow: Flow
}

function lessonWords(lesson: LessonState): StageWords | null {
  if (lesson.state === 'ended') return { key: 'ended', cover: true }
  if (lesson.state === 'cancelled') return { key: 'cancelled', cover: true }
  return lesson.state === 'live' ? null : { key: 'notStarted', cover: true }
}

const BY_SITUATION = { take_over: 'takeOver', local_qa: 'localQa', catch_up: 'catchUp' } as const

/** Of a class by itself: a line that goes with whatever is seen. */
function apart(lesson: LessonState, cover: boolean): StageWords | null {
  const { situation } = lesson.where.floor
  if (situation === 'break') return { key: 'break', cover: true }
  return situation in BY_SITUATION
    ? { key: BY_SITUATION[situation as keyof typeof BY_SITUATION], cover }
    : null
}

function withoutPicture({ lesson, stage }: Situation): StageWords {
  const teaching = lesson?.people.some(
    (person) => person.online && ['master', 'encoder'].includes(person.role),
  )
  if (!teaching) return { key: 'masterAway', cover: true }
  return { key: stage.audio.length > 0 ? 'soundOnly' : 'noPicture', cover: true }
}

function ownerMuted({ lesson, stage }: Situation): boolean {
  const owner = lesson?.people.find((person) => person.id === stage.main?.person)
  return owner?.muted?.includes(stage.main?.source ?? '') ?? false
}

/** Null: the picture moves and there is nothing to say. */
export function wordsFor(situation: Situation): StageWords | null {
  const { connection, receiving, lesson, stage, flow } = situation
  const covered = flow === 'waiting' || !stage.main
  if (connection === 'offline') return { key: 'offline', cover: covered }
  if (connection === 'reconnecting') return { key: 'reconnecting', cover: covered }
  if (!lesson) return { key: 'connecting', cover: true }
  const words = lessonWords(lesson)
  if (words) return words
  if (receiving === 'recovering') return { key: 'recovering', cover: covered }
  const by = apart(lesson, !stage.main)
  if (by && (by.cover || flow !== 'waiting')) return by
  if (!stage.main) return withoutPicture(situation)
  if (ownerMuted(situation)) return { key: 'cameraOff', cover: true }
  if (receiving === 'connecting') return { key: 'mediaConnecting', cover: true }
  if (stage.main.sent === 'paused') return { key: 'pausedForSound', cover: flow === 'waiting' }
  if (flow === 'waiting') return { key: 'waitingPicture', cover: true }
  return flow === 'held' ? { key: 'held', cover: false } : null
}
