/** Supervision over HTTP: the wall, the way into a lesson, the result form. */

import { problemFrom } from '@/client/problem'
import { currentLanguage } from '@/i18n'
import type { LessonState, Phase } from '@/protocol/messages'
import { ask, path } from './network-client'

/** What weighs most first. */
export const FLAGS = [
  'not_begun',
  'master_absent',
  'other_teacher',
  'no_picture',
  'no_sound',
  'tutor_absent',
  'recording_gap',
  'not_recorded',
  'late_start',
] as const
export type Flag = (typeof FLAGS)[number]

export const CRITERIA = ['content', 'teaching', 'order', 'safety', 'technique'] as const
export type Criterion = (typeof CRITERIA)[number]

export const PROBLEMS = [
  'late',
  'other_teacher',
  'tutor_absent',
  'content',
  'safety',
  'order',
  'technique',
  'recording',
  'other',
] as const
export type ProblemKind = (typeof PROBLEMS)[number]

export interface WallPlace {
  id: string
  kind: 'city' | 'district' | 'school' | 'provider'
  name: string
  path: string
}

export interface WallLesson {
  id: string
  title: string
  state: LessonState
  phase: Phase
  starts_ms: number
  started_ms: number
  /** Paths. */
  provider: string
  schools: string[]
  master: string
  classes: number
  without_tutor: number
  pupils: number
  flags: Flag[]
  item: string
}

export interface Wall {
  lessons: WallLesson[]
  places: WallPlace[]
}

export interface Entry {
  token: string
  expires_at: number
  item: string
  live: boolean
}

export interface Shown {
  token: string
  expires_at: number
  item: string
  /** Where the recording shows the problem; null: it is of the whole lesson. */
  at_ms: number | null
}

export interface NewProblem {
  kind: ProblemKind
  text: string
  at_ms: number | null
}

export interface ReviewForm {
  scores: Record<Criterion, number>
  text: string
  problems: NewProblem[]
}

export interface Review extends ReviewForm {
  id: string
  lesson: string
  provider: string
  /** Whoever asks wrote it. */
  mine: boolean
  at_ms: number
  seen_ms: number | null
}

/** A lesson that is over, that was supervised and that waits for the form. */
export interface Unreviewed {
  lesson: string
  title: string
  provider: string
  started_ms: number
  ended_ms: number
  looked_ms: number
  /** The recording; empty: there is none. */
  item: string
}

export interface Picture {
  lesson: string
  at_ms: number
  data: Blob
}

const SUPERVISION = ['supervision'] as const

export const wall = () => ask<Wall>('GET', path(...SUPERVISION, 'wall'))

export const enterLesson = (lesson: string) =>
  ask<Entry>('POST', path(...SUPERVISION, 'lessons', lesson, 'entry'))

/** Of a problem: where the recording shows it. */
export const showProblem = (problem: string) =>
  ask<Shown>('POST', path(...SUPERVISION, 'problems', problem, 'recording'))

/** Where an entry leads: into the lesson, or to what is recorded of it, from there on; null: not to the recording. */
export const addressOf = ({ item, token }: Pick<Entry, 'item' | 'token'>, fromMs: number | null): string =>
  `${fromMs !== null && item ? `/library/${encodeURIComponent(item)}?at=${String(fromMs / 1000)}` : '/join'}#token=${token}`

export const deliver = (lesson: string, form: ReviewForm) =>
  ask<Review>('POST', path(...SUPERVISION, 'lessons', lesson, 'reviews'), form)

export const unreviewed = async () =>
  (await ask<{ lessons: Unreviewed[] }>('GET', path(...SUPERVISION, 'unreviewed'))).lessons

export const reviewsOf = async (lesson: string) =>
  (
    await ask<{ reviews: Review[] }>(
      'GET',
      `${path(...SUPERVISION, 'reviews')}?lesson=${encodeURIComponent(lesson)}`,
    )
  ).reviews

interface PicturesHead {
  next: string
  pictures: { lesson: string; at_ms: number; bytes: number }[]
}

/** A line of JSON, then the pictures in its order, one behind the other. */
export function parsePictures(answer: Uint8Array<ArrayBuffer>): { next: string; pictures: Picture[] } {
  const line = answer.indexOf(10)
  const head = JSON.parse(new TextDecoder().decode(answer.subarray(0, line))) as PicturesHead
  let at = line + 1
  const pictures = head.pictures.map(({ lesson, at_ms, bytes }) => {
    const data = new Blob([answer.subarray(at, at + bytes)], { type: 'image/jpeg' })
    at += bytes
    return { lesson, at_ms, data }
  })
  return { next: head.next, pictures }
}

/** Those that are newer than what `after` says. Raises ProblemError. */
export async function newPictures(after: string): Promise<{ next: string; pictures: Picture[] }> {
  const url = `${path(...SUPERVISION, 'wall', 'pictures')}?after=${encodeURIComponent(after)}`
  const response = await fetch(url, { headers: { 'Accept-Language': currentLanguage() } })
  if (!response.ok) throw await problemFrom(response)
  return parsePictures(new Uint8Array(await response.arrayBuffer()))
}

/** Of a list of lessons those that the page shows: with all of the flags' words counted before. */
export function chosen(lessons: WallLesson[], place: string, flag: Flag | ''): WallLesson[] {
  return lessons
    .filter((each) => !place || [each.provider, ...each.schools].some((one) => one.startsWith(place)))
    .filter((each) => !flag || each.flags.includes(flag))
}

/** A form that is being written. */
export interface Draft {
  scores: Partial<Record<Criterion, number>>
  text: string
  problems: { kind: ProblemKind; text: string; minutes: string | number }[]
}

export const newDraft = (): Draft => ({ scores: {}, text: '', problems: [] })

/** Whoever has to be looked at first, then by title. */
export function byWeight(lessons: WallLesson[]): WallLesson[] {
  const weight = ({ flags }: WallLesson) => (flags[0] ? FLAGS.indexOf(flags[0]) : FLAGS.length)
  return [...lessons].sort(
    (a, b) => weight(a) - weight(b) || b.flags.length - a.flags.length || a.title.localeCompare(b.title),
  )
}
