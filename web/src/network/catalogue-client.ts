/** The catalogue, enrolling and one's own timetable over HTTP. All raise ProblemError; TypeError where there is no
 * network. */

import { ask, path } from './network-client'
import type { OperationKind, Slot } from './operations'

export interface Course {
  id: string
  provider: string
  provider_name: string
  title: string
  subject: string
  topic: string
  kind: string
  grade_from: number
  grade_to: number
  master_name: string
  style: string
  language: string
  summary: string
}

export interface Offer {
  lesson: string
  course: string
  title: string
  starts_ms: number
  ends_ms: number
  master_name: string
  delivery: 'live' | 'to-school'
  capacity: number
  taken: number
  waiting: number
  left: number
  cancelled: boolean
  /** Who came; null: it is not over, or not settled yet. */
  attended: number | null
}

export interface CatalogueLesson {
  lesson: Offer
  course: Course
  /** Who comes alone can take part. */
  alone: boolean
}

export interface FacetValue {
  value: string
  count: number
}

export type Filter = 'subject' | 'grade' | 'kind' | 'master' | 'style' | 'provider' | 'language' | 'delivery'

export interface CataloguePage {
  lessons: CatalogueLesson[]
  total: number
  facets: Partial<Record<string, FacetValue[]>>
  after: string
}

export interface SchoolClass {
  id: string
  name: string
  pupils: number
}

export interface Enrolment {
  lesson: string
  party: string
  state: 'enrolled' | 'waiting' | 'withdrawn' | 'lapsed'
  waits_for: '' | 'place' | 'home' | 'quota'
  ahead: number
}

export interface TimetableEntry {
  lesson: string
  title: string
  course: string
  role: 'master' | 'tutor' | 'student'
  person: string
  /** Else of a child. */
  mine: boolean
  name: string
  class_id: string
  class_name: string
  state: 'enrolled' | 'waiting'
  cancelled: boolean
  master_name: string
  provider_name: string
  delivery: 'live' | 'to-school'
  lesson_state: string
  starts_ms: number
  ends_ms: number
  door_opens_ms: number
  open: boolean
  room: string
  /** The class takes part from home. */
  online: boolean
  /** Who looks answers for the course. */
  keeps: boolean
  /** What was last done with it; null: nothing. */
  change: { kind: OperationKind; reason: string; made_ms: number; before: Slot } | null
}

export interface Timetable {
  entries: TimetableEntry[]
  now_ms: number
}

/** What somebody is told of a lesson of theirs. */
export interface MyNotice {
  number: number
  kind:
    | ('moved-up' | 'lapsed' | 'cancel' | 'online' | 'change' | 'substitute' | 'undo')
    | ('review-delivered' | 'problem-answered' | 'problem-closed' | 'problem-reopened')
    | ('problem-overdue' | 'negative-listed')
  lesson: string
  title: string
  starts_ms: number
  at_ms: number
  read: boolean
  /** Of what was done with the lesson. */
  reason: string
}

/** Whoever takes part: a class as a whole, or somebody alone. */
export interface Party {
  kind: 'classes' | 'people'
  id: string
  name: string
  /** Lesson whose places they give up for the ones that are asked for, both or neither. */
  instead_of?: string
}

export interface Question {
  words: string
  chosen: Partial<Record<Filter, string>>
  after?: string
}

export function findLessons(question: Question): Promise<CataloguePage> {
  const asked = new URLSearchParams({ limit: '30' })
  if (question.words) asked.set('q', question.words)
  if (question.after) asked.set('after', question.after)
  for (const [name, value] of Object.entries(question.chosen)) {
    if (value) asked.set(name, value)
  }
  return ask('GET', `${path('catalogue')}?${asked.toString()}`)
}

export async function parallelLessons(lesson: string): Promise<CatalogueLesson[]> {
  const found = await ask<{ lessons: CatalogueLesson[] }>('GET', path('catalogue', lesson, 'parallel'))
  return found.lessons
}

export async function classesOf(school: string): Promise<SchoolClass[]> {
  return (await ask<{ classes: SchoolClass[] }>('GET', path('places', school, 'classes'))).classes
}

export const enrol = (lesson: string, party: Party): Promise<Enrolment> =>
  ask('PUT', path('catalogue', lesson, party.kind, party.id), { instead_of: party.instead_of ?? '' })

export const withdraw = (lesson: string, party: Party): Promise<void> =>
  ask('DELETE', path('catalogue', lesson, party.kind, party.id))

export const myTimetable = (): Promise<Timetable> => ask('GET', path('my', 'timetable'))

export const enterLesson = (lesson: string): Promise<{ token: string }> =>
  ask('POST', path('my', 'lessons', lesson, 'entry'), {})

export const makeCalendar = (): Promise<{ path: string }> => ask('POST', path('my', 'calendar'), {})

export async function myNotices(): Promise<MyNotice[]> {
  return (await ask<{ notices: MyNotice[] }>('GET', path('my', 'notices'))).notices
}

export const readMyNotices = (upTo: number): Promise<void> =>
  ask('POST', path('my', 'notices'), { up_to: upTo })
