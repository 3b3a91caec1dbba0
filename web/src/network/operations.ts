/** What is done with many lessons, and with substitutes, over HTTP; how much time is left to undo it. */

import { ask, path } from './network-client'

export type Action = 'cancel' | 'online'
export type OperationKind = Action | 'change' | 'series' | 'substitute'

export interface Slot {
  title: string
  starts_ms: number
  ends_ms: number
  master_name: string
  room: string
  cancelled: boolean
}

/** What of an operation is counted. */
export const COUNTED = ['lessons', 'classes', 'people'] as const

export interface OperationLesson {
  lesson: string
  before: Slot
  after: Slot
}

export interface Operation {
  id: string
  kind: OperationKind
  place: string
  place_name: string
  reason: string
  from_ms: number
  until_ms: number
  lessons: number
  classes: number
  people: number
  made_ms: number
  made_by_name: string
  undo_until_ms: number
  /** null: it stands. */
  undone_ms: number | null
  undone_by_name: string
  /** Of the place. */
  timezone: string
}

/** A lesson of a course that is to come. */
export interface PlannedLesson {
  lesson: string
  title: string
  starts_ms: number
  ends_ms: number
  master: string
  master_name: string
  room: string
}

/** What a course has planned, for who may change it. */
export interface CourseTimetable {
  course: string
  title: string
  provider: string
  provider_name: string
  timezone: string
  lessons: PlannedLesson[]
  operations: Operation[]
  now_ms: number
}

export interface Conflict {
  who: 'class' | 'tutor' | 'person' | 'master'
  name: string
  lesson: string
  other: string
  title: string
  when: string
}

export interface Preview {
  operation: Operation
  shown: OperationLesson[]
  elsewhere: number
  conflicts: Conflict[]
}

export interface Span {
  action: Action
  place: string
  from_ms: number
  until_ms: number
}

/** A lesson, and those that follow it; what is not named stays. */
export interface LessonChange {
  course: string
  lesson: string
  following: boolean
  starts_ms?: number
  ends_ms?: number
  master?: string
  title?: string
  room?: string
}

/** Days are those of the calendar, the time that of the clock of the place. */
export interface SeriesPlan {
  course: string
  first: string
  last: string
  at: string
  minutes: number
  weekdays: number[]
  every_weeks: number
  skipped: string[]
  capacity: number
  title: string
  master: string
}

/** One of the three. */
export type OperationPlan = { reason: string } & (
  { span: Span } | { change: LessonChange } | { series: SeriesPlan }
)

export interface Substitute {
  id: string
  lesson: string
  slot: Slot
  class_name: string
  instead_of_name: string
  name: string
  reason: string
  state: 'declared' | 'approved' | 'declined' | 'withdrawn' | 'undone'
  made_by_name: string
  mine: boolean
  decides: boolean
}

export interface NoticeWays {
  settings: NoticeSettings
  /** Empty: there is no address. */
  email: string
  /** The server sends e-mail. */
  sent: boolean
}

export const TOPICS = ['cancelled', 'changed', 'substitutes', 'places', 'supervision'] as const
export type Topic = (typeof TOPICS)[number]

export interface NoticeSettings {
  language: 'zh-CN' | 'en'
  unwanted: Topic[]
}

export const preview = (plan: OperationPlan) => ask<Preview>('POST', path('operations', 'preview'), plan)

/** Sent again under the same id it is the same operation. */
export const carryOut = (id: string, plan: OperationPlan) =>
  ask<{ operation: Operation }>('PUT', path('operations', id), plan)

export const undo = (id: string) => ask<{ operation: Operation }>('POST', path('operations', id, 'undo'))

export const operations = () => ask<{ operations: Operation[]; now_ms: number }>('GET', path('operations'))

export const courseTimetable = (course: string) =>
  ask<CourseTimetable>('GET', path('courses', course, 'timetable'))

export const substitutes = async (state: string) =>
  (await ask<{ substitutes: Substitute[] }>('GET', `${path('substitutes')}?state=${state}`)).substitutes

export const candidates = async (lesson: string, classId: string) => {
  const asked = new URLSearchParams({ lesson, class_id: classId })
  const found = await ask<{ candidates: { person: string; name: string }[] }>(
    'GET',
    `${path('substitutes', 'candidates')}?${asked}`,
  )
  return found.candidates
}

export const declare = (lesson: string, classId: string, person: string, reason: string) =>
  ask<Substitute>('POST', path('substitutes'), { lesson, class_id: classId, person, reason })

export const decide = (id: string, move: 'approve' | 'decline' | 'withdraw') =>
  ask<Substitute>('POST', path('substitutes', id, move))

export const noticeWays = () => ask<NoticeWays>('GET', path('my', 'notice-settings'))

export const putNoticeSettings = (settings: NoticeSettings) =>
  ask<NoticeWays>('PUT', path('my', 'notice-settings'), settings)

/** `9:05`: minutes and seconds that are left to undo it; empty: none. */
export function timeLeft(operation: Operation, nowMs: number): string {
  const seconds = Math.ceil((operation.undo_until_ms - nowMs) / 1000)
  if (operation.undone_ms !== null || seconds <= 0) return ''
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** As `<input type="datetime-local">` has it, by the viewer's own clock. */
export function localInput(unixMs: number): string {
  const at = new Date(unixMs)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** Of what such a field holds; NaN: nothing that is a time. */
export const fromInput = (text: string) => new Date(text).getTime()

/** The day that begins next, as a span. */
export function tomorrow(nowMs: number): [string, string] {
  const at = new Date(nowMs)
  const begins = (days: number) => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days).getTime()
  return [localInput(begins(1)), localInput(begins(2))]
}
