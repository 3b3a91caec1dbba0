/** What is said in place of the lesson when somebody is out of it. Pure. */

import type { Ending } from './connection'
import type { LessonState } from './lesson-state'

export interface EndingWords {
  /** Key of the catalogue, under `ending`, and whether its detail names a reason. */
  key: string
  reason: string
  /** It makes sense to come in again. */
  again: boolean
}

const FINAL: readonly string[] = ['ended', 'expired', 'refused']

/** Of everybody who was not refused: those hear the server's own words. */
export function endingWords(
  ending: Exclude<Ending, { kind: 'refused' }>,
  lesson: LessonState | null,
): EndingWords {
  const key = ending.kind === 'bye' ? ending.bye.reason : 'left'
  if (key !== 'ended' || lesson?.state !== 'cancelled')
    return { key, reason: '', again: !FINAL.includes(key) }
  return { key: 'cancelled', reason: lesson.reason, again: false }
}
