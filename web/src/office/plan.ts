/** A lesson as an organizer fills it in, and as the server is told. Pure. */

import type { KnownPerson, LessonDetail, LessonPlan, LessonSummary } from './office-client'

export interface ClassForm {
  id: string
  name: string
  school: string
  /** As people say it; a known person of that name is meant, else somebody new. */
  tutor: string
  at_home: boolean
  pupils: number
}

export interface StandByForm {
  /** As people say it, like a class's tutor. */
  tutor: string
  /** Whose classes; empty: all. */
  school: string
}

export interface LessonForm {
  /** Empty: a new one. */
  id: string
  title: string
  master: string
  /** Of `<input type="datetime-local">`, in this machine's time zone; empty: not planned. */
  starts: string
  ends: string
  recorded: boolean
  reason: string
  classes: ClassForm[]
  standBys: StandByForm[]
}

/** People who have to be told to the server before the plan: id -> name. */
export type NewPeople = Record<string, string>

const HOUR_MS = 3_600_000
/** Lessons that were over or should have begun longer ago are history. */
const TODAY_MS = 12 * HOUR_MS

/** What a new lesson begins as: the next full hour, three quarters of an hour long. */
export function newForm(nowMs: number): LessonForm {
  const starts = Math.ceil(nowMs / HOUR_MS) * HOUR_MS
  return {
    id: '',
    title: '',
    master: '',
    starts: localTime(starts),
    ends: localTime(starts + 0.75 * HOUR_MS),
    recorded: true,
    reason: '',
    classes: [],
    standBys: [],
  }
}

export function newClass(count: number, school: string, name: (number: number) => string): ClassForm {
  return { id: '', name: name(count + 1), school, tutor: '', at_home: false, pupils: 40 }
}

export function formOf(lesson: LessonDetail, people: readonly KnownPerson[]): LessonForm {
  const called = (id: string) => people.find((person) => person.id === id)?.name ?? id
  return {
    id: lesson.id,
    title: lesson.title,
    master: called(lesson.master),
    starts: localTime(lesson.starts_ms),
    ends: localTime(lesson.ends_ms),
    recorded: lesson.recorded,
    reason: '',
    classes: lesson.classes.map(({ id, name, school, tutor, at_home, pupils }) => ({
      id,
      name,
      school,
      tutor: called(tutor),
      at_home,
      pupils,
    })),
    standBys: lesson.tutors.map(({ person, school }) => ({ tutor: called(person), school })),
  }
}

/** The schools of its classes, each once. */
export function schoolsOf({ classes }: Pick<LessonForm, 'classes'>): string[] {
  return [...new Set(classes.map(({ school }) => school.trim()))].filter(Boolean)
}

/** `2027-01-15T08:00`. */
export function localTime(unixMs: number): string {
  if (!unixMs) return ''
  const at = new Date(unixMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`
}

export function unixMs(local: string): number {
  return local ? new Date(local).getTime() || 0 : 0
}

/** The plan, and who of it the server does not know yet. `newId` makes ids that nobody has. */
export function planOf(
  form: LessonForm,
  people: readonly KnownPerson[],
  newId: (kind: string) => string,
): { plan: LessonPlan; newcomers: NewPeople } {
  const newcomers: NewPeople = {}
  const person = (text: string): string => {
    const name = text.trim()
    if (!name) return ''
    const known = people.find((each) => each.name === name || each.id === name)
    if (known) return known.id
    const again = Object.entries(newcomers).find(([, other]) => other === name)
    if (again) return again[0]
    const id = newId('teacher')
    newcomers[id] = name
    return id
  }
  const plan: LessonPlan = {
    title: form.title.trim(),
    master: person(form.master),
    starts_ms: unixMs(form.starts),
    ends_ms: unixMs(form.ends),
    recorded: form.recorded,
    reason: form.reason.trim(),
    classes: form.classes.map((room) => ({
      ...room,
      id: room.id || newId('class'),
      name: room.name.trim(),
      school: room.school.trim(),
      tutor: person(room.tutor),
    })),
    tutors: form.standBys
      .map(({ tutor, school }) => ({ person: person(tutor), school }))
      .filter((each) => each.person),
  }
  return { plan, newcomers }
}

/** What goes on or is to come first, in the order of the day; what is over below, the latest first. */
export function byTime(
  lessons: readonly LessonSummary[],
  nowMs: number,
): { now: LessonSummary[]; past: LessonSummary[] } {
  const over = (lesson: LessonSummary) =>
    lesson.state === 'ended' ||
    lesson.state === 'cancelled' ||
    (lesson.state === 'scheduled' && lesson.starts_ms > 0 && lesson.starts_ms < nowMs - TODAY_MS)
  const running = (lesson: LessonSummary) => (lesson.state === 'live' ? 0 : lesson.state === 'open' ? 1 : 2)
  const now = lessons.filter((lesson) => !over(lesson))
  const past = lessons.filter(over)
  now.sort((a, b) => running(a) - running(b) || a.starts_ms - b.starts_ms || a.id.localeCompare(b.id))
  past.sort((a, b) => (b.ended_ms || b.starts_ms) - (a.ended_ms || a.starts_ms))
  return { now, past }
}
