/** A lesson's change and a series as they are filled in, by the clock of the place where they are given. Pure. */

import type { LessonChange, PlannedLesson, SeriesPlan } from './operations'

const CHANGEABLE = ['starts_ms', 'ends_ms', 'master', 'title', 'room'] as const
const MINUTE_MS = 60_000

const two = (number: number) => String(number).padStart(2, '0')

/** What a clock there shows, as `<input type="datetime-local">` has it. */
export function wallClock(unixMs: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(unixMs)
  const of = (type: string) => Number(parts.find((each) => each.type === type)?.value)
  return `${of('year')}-${two(of('month'))}-${two(of('day'))}T${two(of('hour'))}:${two(of('minute'))}`
}

/** When a clock there shows it; NaN: it is no time. Of a time that it leaves out in spring, as much later; of one that
 * it shows twice in autumn, the first: as the server counts. */
export function fromWallClock(text: string, zone: string): number {
  const asUtc = Date.parse(`${text}Z`)
  if (Number.isNaN(asUtc)) return NaN
  const behind = (unixMs: number) => Date.parse(`${wallClock(unixMs, zone)}Z`) - unixMs
  const [before, after] = [asUtc - behind(asUtc - 86_400_000), asUtc - behind(asUtc + 86_400_000)]
  const shown = [before, after].filter((each) => wallClock(each, zone) === text)
  return shown.length ? Math.min(...shown) : before
}

export interface ChangeForm {
  lesson: string
  following: boolean
  starts: string
  minutes: number
  master: string
  room: string
  title: string
}

export function changeForm(lesson: PlannedLesson, zone: string): ChangeForm {
  return {
    lesson: lesson.lesson,
    following: false,
    starts: wallClock(lesson.starts_ms, zone),
    minutes: minutesOf(lesson),
    master: lesson.master,
    room: lesson.room,
    title: lesson.title,
  }
}

const minutesOf = (lesson: PlannedLesson) => Math.round((lesson.ends_ms - lesson.starts_ms) / MINUTE_MS)

/** What of the form is not as the lesson is: all else stays, also of the lessons that follow. */
export function changeOf(
  form: ChangeForm,
  lesson: PlannedLesson,
  course: string,
  zone: string,
): LessonChange {
  const change: LessonChange = { course, lesson: lesson.lesson, following: form.following }
  const moved = form.starts !== wallClock(lesson.starts_ms, zone)
  const starts_ms = moved ? fromWallClock(form.starts, zone) : lesson.starts_ms
  if (moved) change.starts_ms = starts_ms
  if (form.minutes !== minutesOf(lesson)) change.ends_ms = starts_ms + form.minutes * MINUTE_MS
  if (form.master !== lesson.master) change.master = form.master
  if (form.room.trim() !== lesson.room) change.room = form.room.trim()
  if (form.title.trim() !== lesson.title) change.title = form.title.trim()
  return change
}

/** Whether there is anything in it. */
export const changesSomething = (change: LessonChange) =>
  CHANGEABLE.some((field) => change[field] !== undefined)

export type SeriesForm = Omit<SeriesPlan, 'course'>

/** From tomorrow, once a week for four months. */
export function newSeries(nowMs: number, zone: string): SeriesForm {
  const first = wallClock(nowMs + 86_400_000, zone).slice(0, 10)
  const last = new Date(`${first}T00:00Z`)
  last.setUTCMonth(last.getUTCMonth() + 4)
  return {
    first,
    last: last.toISOString().slice(0, 10),
    at: '09:00',
    minutes: 45,
    weekdays: [weekdayOf(first)],
    every_weeks: 1,
    skipped: [],
    capacity: 100,
    title: '',
    master: '',
  }
}

/** 1: Monday, to 7: Sunday. */
export const weekdayOf = (day: string) => new Date(`${day}T00:00Z`).getUTCDay() || 7

/** Words for a weekday: any Monday is as good as another. */
export const weekdayName = (weekday: number, language: string) =>
  new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, 0, weekday))
