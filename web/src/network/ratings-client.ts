/** What pupils say of lessons, over HTTP. */

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
