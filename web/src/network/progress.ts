/** How much of what the term asks for is done, over HTTP and in words. */

import { ask, path, type WhoAmI } from './network-client'

export interface Progress {
  target: number
  target_delivered: number
  done: number
  /** So many of them by the recording. */
  caught_up: number
  delivered: number
  missed: number
  minutes: number
  reached: boolean
  subjects: { subject: string; done: number }[]
}

export interface ProgressTerm {
  id: string
  name: string
  from_ms: number
  until_ms: number
}

export interface OwnProgress {
  person: string
  name: string
  /** Else of a child. */
  mine: boolean
  class_name: string
  /** null: none holds at the school, and nothing is asked. */
  term: ProgressTerm | null
  progress: Progress
  lessons: {
    lesson: string
    title: string
    subject: string
    starts_ms: number
    came: 'present' | 'late' | 'absent'
    /** Absent, and has watched enough of the recording. */
    caught_up: boolean
    minutes: number
  }[]
}

export interface ClassProgress {
  class_id: string
  name: string
  grade: number
  progress: Progress
  known: number
  reached: number
}

export interface ClassReport {
  term: ProgressTerm | null
  in_class: ClassProgress | null
  pupils: { person: string; name: string; progress: Progress }[]
}

export interface SchoolReport {
  term: ProgressTerm | null
  classes: ClassProgress[]
  subjects: { subject: string; done: number }[]
  known: number
  reached: number
  after: string
}

export async function myProgress(): Promise<OwnProgress[]> {
  return (await ask<{ people: OwnProgress[] }>('GET', path('my', 'progress'))).people
}

export const classProgress = (id: string) => ask<ClassReport>('GET', path('classes', id, 'progress'))

export function schoolProgress(school: string, after = ''): Promise<SchoolReport> {
  const asked = new URLSearchParams({ after })
  return ask('GET', `${path('places', school, 'progress')}?${asked.toString()}`)
}

/** Somebody whose lessons a page shows. */
export interface Somebody {
  person: string
  name: string
  mine: boolean
}

/** Each once, oneself first. */
export function peopleOf(found: readonly Somebody[]): Somebody[] {
  const known = new Map<string, Somebody>()
  for (const { person, name, mine } of found) {
    if (!known.has(person)) known.set(person, { person, name, mine })
  }
  return [...known.values()].sort((one, other) => Number(other.mine) - Number(one.mine))
}

/** A class or a school whose progress somebody follows. */
export interface Watched {
  kind: 'class' | 'school'
  id: string
  name: string
}

/** Who organizes more than a school looks one up. */
export const followsSchoolsBelow = (who: WhoAmI) =>
  who.offices.some(
    ({ office, place }) => office === 'organizer' && (place?.kind === 'city' || place?.kind === 'district'),
  )

/** A tutor their classes, an organizer their school. */
export function watchedBy(who: WhoAmI): Watched[] {
  const found = new Map<string, Watched>()
  for (const { office, place, class_id, class_name } of who.offices) {
    if (office === 'tutor' && class_id) found.set(class_id, { kind: 'class', id: class_id, name: class_name })
    if (office === 'organizer' && place?.kind === 'school')
      found.set(place.id, { kind: 'school', id: place.id, name: place.name })
  }
  return [...found.values()]
}
