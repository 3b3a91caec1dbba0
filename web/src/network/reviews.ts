/** What comes to who gives lessons, over HTTP: forms, problems, ratings, and the negative list of who oversees. */

import { ask, path } from './network-client'
import type { Criterion, ProblemKind } from './supervision'

export type ProblemState = 'open' | 'answered' | 'closed'
export type Move = 'answer' | 'close' | 'reopen'
export const ASPECTS = ['content', 'teaching', 'technique'] as const
export type Aspect = (typeof ASPECTS)[number]

export interface ReviewProblem {
  id: string
  review: string
  lesson: string
  title: string
  provider: string
  kind: ProblemKind
  text: string
  item: string
  at_ms: number | null
  state: ProblemState
  opened_ms: number
  changed_ms: number
  /** Until when the provider is to answer; null: nothing is waited for. */
  due_ms: number | null
  answer: string
  closing: string
}

export interface ReceivedReview {
  id: string
  lesson: string
  title: string
  provider: string
  supervisor: string
  item: string
  scores: Record<Criterion, number>
  text: string
  at_ms: number
  seen_ms: number | null
  problems: ReviewProblem[]
}

export interface ReviewPage {
  reviews: ReceivedReview[]
  next: string
  unseen: number
}

export interface ProblemPage {
  problems: ReviewProblem[]
  next: string
}

export interface RatingSum {
  count: number
  means: Partial<Record<Aspect, number>>
}

export interface ReceivedRating {
  rater: 'student' | 'school'
  school: string
  stars: Record<Aspect, number>
  text: string
  at_ms: number
  lesson: string
  title: string
}

export interface RatingPage {
  providers: { provider: string; students: RatingSum; schools: RatingSum }[]
  ratings: ReceivedRating[]
  next: string
}

export interface Listed {
  provider: string
  name: string
  open: number
  answered: number
  lessons: number
  oldest_ms: number
}

const supervision = (...rest: string[]) => path('supervision', ...rest)
const query = (values: Record<string, string>) => {
  const given = Object.entries(values).filter(([, value]) => value)
  return given.length ? `?${new URLSearchParams(given).toString()}` : ''
}

export const receivedReviews = (after = '') =>
  ask<ReviewPage>('GET', supervision('reviews') + query({ after }))

/** To open it is to have seen it. */
export const openReview = (id: string) => ask<ReceivedReview>('GET', supervision('reviews', id))

export const reviewProblems = (state: ProblemState | '', after = '') =>
  ask<ProblemPage>('GET', supervision('problems') + query({ state, after }))

export const moveProblem = (id: string, move: Move, text: string) =>
  ask<ReviewProblem>('POST', supervision('problems', id, move), { text })

export const receivedRatings = (after = '') => ask<RatingPage>('GET', path('ratings') + query({ after }))

export const negativeList = async () =>
  (await ask<{ providers: Listed[] }>('GET', supervision('negative-list'))).providers

/** What somebody may do with a problem now. */
export function movesOf(problem: ReviewProblem, gives: boolean, oversees: boolean): Move[] {
  const moves: Move[] = []
  if (gives && problem.state !== 'closed') moves.push('answer')
  if (oversees && problem.state !== 'closed') moves.push('close')
  if (oversees && problem.state !== 'open') moves.push('reopen')
  return moves
}

export const isOverdue = (problem: ReviewProblem, now: number) =>
  problem.due_ms !== null && problem.due_ms < now

/** Whole days until then; 0: today, or over. */
export const daysLeft = (due_ms: number, now: number) => Math.max(0, Math.floor((due_ms - now) / 86_400_000))
