/** A course and a lesson of it as a provider fills them in. Pure. */

import { localTime, unixMs } from '@/office/plan'
import type { CourseDetail, CoursePlan, LessonOffer } from './courses-client'
import type { WhoAmI } from './network-client'

export interface Provider {
  id: string
  name: string
}

/** Of whose courses somebody decides; an organizer of a whole district does it by the school's own page. */
export function providersOf(who: WhoAmI): Provider[] {
  const found = new Map<string, Provider>()
  for (const { office, place } of who.offices) {
    const gives = place?.kind === 'school' || place?.kind === 'provider'
    if (place && gives && (office === 'provider' || office === 'organizer'))
      found.set(place.id, { id: place.id, name: place.name })
  }
  return [...found.values()]
}

export function newCourse(provider: string): CoursePlan {
  return {
    provider,
    title: '',
    subject: '',
    topic: '',
    kind: 'lecture',
    grade_from: 1,
    grade_to: 12,
    master: '',
    style: '',
    language: 'zh-CN',
    summary: '',
    visibility: 'city',
    state: 'draft',
    named: [],
  }
}

/** What of a course is its provider's to say. */
export function planOf(course: CourseDetail): CoursePlan {
  const { provider, title, subject, topic, kind, grade_from, grade_to, master } = course
  const { style, language, summary, visibility, state, named } = course
  const first = { provider, title, subject, topic, kind, grade_from, grade_to, master }
  return { ...first, style, language, summary, visibility, state, named }
}

export interface LessonForm {
  /** Of `<input type="datetime-local">`, in this machine's time zone. */
  starts: string
  minutes: number
  capacity: number
  title: string
  delivery: 'live' | 'to-school'
  /** Person id of who has those who come alone; empty: whole classes only. */
  tutor: string
  alone: number
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Tomorrow at the full hour, three quarters of an hour long. */
export function newLesson(nowMs: number): LessonForm {
  const starts = localTime(Math.ceil(nowMs / HOUR_MS) * HOUR_MS + 24 * HOUR_MS)
  return { starts, minutes: 45, capacity: 100, title: '', delivery: 'live', tutor: '', alone: 20 }
}

export function offerOf(form: LessonForm): LessonOffer {
  const starts_ms = unixMs(form.starts)
  return {
    starts_ms,
    ends_ms: starts_ms + form.minutes * MINUTE_MS,
    capacity: form.capacity,
    title: form.title,
    delivery: form.delivery,
    home: form.tutor ? [{ tutor: form.tutor, size: form.alone }] : [],
  }
}
