/** What pupils and schools say of lessons, over HTTP. */

import { ask, path } from './network-client'

export type Aspect = 'content' | 'teaching' | 'technique'
export const ASPECTS: Aspect[] = ['content', 'teaching', 'technique']
/** Each from 1 to 5. */
export type Stars = Record<Aspect, number>

export interface OwnRating {
  /** The lesson is over, not for long, and one took part. */
  may_rate: boolean
  rating: { stars: Stars; text: string } | null
}

export const myRating = (lesson: string) => ask<OwnRating>('GET', path('ratings', lesson, 'mine'))

export const rate = (lesson: string, stars: Stars, text: string) =>
  ask<OwnRating>('PUT', path('ratings', lesson, 'mine'), { stars, text })

/** A lesson that a school took part in, and what it said of it. */
export interface SchoolLesson {
  lesson: string
  title: string
  ended_ms: number
  /** It can be rated until then. */
  until_ms: number
  rating: OwnRating['rating']
}

export interface SchoolRatings {
  may_rate: boolean
  lessons: SchoolLesson[]
}

export const schoolRatings = (school: string) => ask<SchoolRatings>('GET', path('places', school, 'ratings'))

export const rateForSchool = (lesson: string, school: string, stars: Stars, text: string) =>
  ask<OwnRating>('PUT', path('ratings', lesson, 'schools', school), { stars, text })
