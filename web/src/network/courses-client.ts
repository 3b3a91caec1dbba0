/** Courses over HTTP: as they are chosen from, and as those who answer for them make them. All raise ProblemError;
 * TypeError where there is no network. */

import { ask, path } from './network-client'
import type { CatalogueLesson, Course, Offer } from './catalogue-client'
import type { Aspect } from './ratings-client'

export type Visibility = 'own' | 'named' | 'paired' | 'district' | 'city' | 'public'
export type CourseState = 'draft' | 'published' | 'closed'

export interface CourseDetail extends Course {
  master: string
  visibility: Visibility
  state: CourseState
  named: string[]
  /** Who asked for this one course may change it. */
  keeps?: boolean
}

/** What a provider enters of a course; the rest of it is not theirs to say. */
export type CoursePlan = Omit<CourseDetail, 'id' | 'provider_name' | 'master_name' | 'keeps'>

export interface LessonOffer {
  starts_ms: number
  ends_ms: number
  capacity: number
  title: string
  delivery: 'live' | 'to-school'
  home: { tutor: string; size: number }[]
}

export interface Enrolled {
  party: string
  name: string
  school: string
  kind: 'class' | 'person'
  places: number
  state: 'enrolled' | 'waiting'
  ahead: number
}

export interface RatingSum {
  count: number
  means: Partial<Record<Aspect, number>>
}

export interface CourseRatings {
  students: RatingSum
  schools: RatingSum
}

export interface Term {
  id: string
  name: string
  from_ms: number
  until_ms: number
}

export interface Quota {
  provider: string
  allowed: number
  booked: number
  left: number
}

export interface Named {
  person: string
  name: string
}

const PAGE = 100

export const course = (id: string) => ask<CourseDetail>('GET', path('courses', id))

export const courseRatings = (id: string) => ask<CourseRatings>('GET', path('courses', id, 'ratings'))

/** Those that can still be chosen. */
export async function lessonsToChoose(id: string): Promise<CatalogueLesson[]> {
  const asked = new URLSearchParams({ course: id, limit: String(PAGE), counts: 'false' })
  const found = await ask<{ lessons: CatalogueLesson[] }>('GET', `${path('catalogue')}?${asked.toString()}`)
  return found.lessons
}

/** All courses of the providers that somebody answers for, drafts too. */
export async function ownCourses(): Promise<CourseDetail[]> {
  const all: CourseDetail[] = []
  for (let after = ''; ;) {
    const asked = new URLSearchParams({ after, limit: '200' })
    const url = `${path('courses')}?${asked.toString()}`
    const found = await ask<{ courses: CourseDetail[]; after: string }>('GET', url)
    all.push(...found.courses)
    if (!found.after) return all
    after = found.after
  }
}

export const putCourse = (id: string, plan: CoursePlan) => ask<CourseDetail>('PUT', path('courses', id), plan)

export async function lessonsOf(id: string): Promise<Offer[]> {
  return (await ask<{ lessons: Offer[] }>('GET', path('courses', id, 'lessons'))).lessons
}

export const offerLesson = (id: string, lesson: string, offer: LessonOffer) =>
  ask<Offer>('PUT', path('courses', id, 'lessons', lesson), offer)

export const setCapacity = (id: string, lesson: string, capacity: number) =>
  ask<Offer>('PUT', path('courses', id, 'lessons', lesson, 'capacity'), { capacity })

export async function enrolledIn(lesson: string): Promise<Enrolled[]> {
  const url = `${path('catalogue', lesson, 'enrolments')}?limit=200`
  return (await ask<{ enrolments: Enrolled[] }>('GET', url)).enrolments
}

export async function terms(): Promise<Term[]> {
  return (await ask<{ terms: Term[] }>('GET', path('terms'))).terms
}

export async function quotaOf(term: string, provider: string): Promise<Quota | null> {
  const found = await ask<{ quotas: Quota[] }>('GET', `${path('terms', term, 'quotas')}?limit=200`)
  return found.quotas.find((each) => each.provider === provider) ?? null
}

/** A school, or all schools within a district or city. */
export interface AudiencePlace {
  id: string
  kind: 'city' | 'district' | 'school' | 'provider'
  name: string
}

/** Whom a provider may show a course to by name. */
export async function audience(provider: string, asked: { words?: string; ids?: string[] }) {
  const said = new URLSearchParams({ words: asked.words ?? '', ids: (asked.ids ?? []).join() })
  const url = `${path('places', provider, 'audience')}?${said.toString()}`
  return (await ask<{ places: AudiencePlace[] }>('GET', url)).places
}

/** Who holds an office at a provider. */
export async function holdersOf(provider: string, office: 'master' | 'tutor'): Promise<Named[]> {
  const asked = new URLSearchParams({ place: provider, office })
  const url = `${path('appointments')}?${asked.toString()}`
  const found = await ask<{ appointments: Named[] }>('GET', url)
  const names = new Map(found.appointments.map(({ person, name }) => [person, { person, name }]))
  return [...names.values()]
}
