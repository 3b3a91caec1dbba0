/** What of a timetable is shown where, and for whom somebody can enrol. Pure. */

import type { CatalogueLesson, Party, TimetableEntry } from './catalogue-client'
import type { PlaceName, WhoAmI } from './network-client'

/** A day's things, by the viewer's own clock. */
export interface Day<Thing> {
  /** Of its first moment, Unix time in ms. */
  begins_ms: number
  things: Thing[]
}

export function dayOf(unixMs: number): number {
  const day = new Date(unixMs)
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime()
}

/** In the order in which they come; things that begin on one day stand together. */
export function byDay<Thing>(things: readonly Thing[], startsMs: (thing: Thing) => number): Day<Thing>[] {
  const days: Day<Thing>[] = []
  for (const thing of things) {
    const begins_ms = dayOf(startsMs(thing))
    const last = days.at(-1)
    if (last?.begins_ms === begins_ms) last.things.push(thing)
    else days.push({ begins_ms, things: [thing] })
  }
  return days
}

export const lessonsByDay = (lessons: readonly CatalogueLesson[]) =>
  byDay(lessons, (each) => each.lesson.starts_ms)

/** What begins so soon is next although it is tomorrow's, by the clock of whoever sits up late or far away. */
const SOON_MS = 3_600_000

/** The lesson to be shown in large: one whose door is open, else the next of today. */
export function nextOf(entries: readonly TimetableEntry[], nowMs: number): TimetableEntry | null {
  const coming = entries.filter(
    (each) => !each.cancelled && each.ends_ms > nowMs && each.state === 'enrolled',
  )
  const open = coming.find((each) => each.open)
  const today = coming.find(
    ({ starts_ms }) => dayOf(starts_ms) === dayOf(nowMs) || starts_ms - nowMs <= SOON_MS,
  )
  return open ?? today ?? null
}

/** Nobody is signed in, or not any more. */
export const isSignedOut = (problem: { kind: string }) =>
  problem.kind === 'token-missing' || problem.kind === 'token-invalid'

/** Lesson -> what somebody's timetable has of it. */
export type Held = Record<string, TimetableEntry[]>

export function heldBy(entries: readonly TimetableEntry[]): Held {
  const held: Held = {}
  for (const each of entries) (held[each.lesson] ??= []).push(each)
  return held
}

/** Whether a party has places in a lesson or waits for them; `class`: not by itself, but through its class. */
export function heldAs(held: Held, lesson: string, party: Party): 'own' | 'class' | null {
  const found = held[lesson] ?? []
  if (party.kind === 'classes') return found.some((each) => each.class_id === party.id) ? 'own' : null
  const theirs = found.find((each) => each.person === party.id && each.role === 'student')
  if (!theirs) return null
  return theirs.class_name ? 'class' : 'own'
}

/** What a party has by itself and could give up for a lesson: what stands in its way, else what is beside it. */
export function givenUpFor(
  held: Held,
  { lesson }: CatalogueLesson,
  party: Party,
  beside: readonly string[] = [],
): { entry: TimetableEntry; inTheWay: boolean } | null {
  const own = Object.values(held)
    .flat()
    .filter((each) => each.lesson !== lesson.lesson && canBeExchanged(each, 0))
    .filter((each) => partyOf(each).id === party.id && partyOf(each).kind === party.kind)
  const inTheWay = own.find(
    (each) => each.state === 'enrolled' && each.starts_ms < lesson.ends_ms && lesson.starts_ms < each.ends_ms,
  )
  if (inTheWay) return { entry: inTheWay, inTheWay: true }
  const other = own.find((each) => beside.includes(each.lesson))
  return other ? { entry: other, inTheWay: false } : null
}

/** Who holds the places of an entry: a class by its tutor, or who came alone. */
export function partyOf(entry: TimetableEntry): Party {
  if (entry.role === 'tutor') return { kind: 'classes', id: entry.class_id, name: entry.class_name }
  return { kind: 'people', id: entry.person, name: entry.name }
}

/** Places of a class of one's own, or of who came without one, in a lesson that is to come. */
export function canBeExchanged(entry: TimetableEntry, nowMs: number): boolean {
  const whole = entry.role === 'tutor' ? Boolean(entry.class_name) : !entry.class_name
  return entry.role !== 'master' && whole && !entry.cancelled && entry.starts_ms > nowMs
}

/** For whom somebody can enrol by their offices; the classes of an organizer's school come beside these. */
export function partiesOf(who: WhoAmI): Party[] {
  const found: Party[] = []
  for (const held of who.offices) {
    if (held.office === 'tutor' && held.class_id)
      found.push({ kind: 'classes', id: held.class_id, name: held.class_name })
    if (held.office === 'student') found.push({ kind: 'people', id: who.person, name: who.name })
    if (held.office === 'parent') found.push({ kind: 'people', id: held.about, name: held.about_name })
  }
  return found.filter((one, place) => found.findIndex((other) => other.id === one.id) === place)
}

/** Schools whose classes an organizer enrols. */
export const schoolsOf = (who: WhoAmI): string[] => organizedSchools(who).map((school) => school.id)

/** Schools that an organizer speaks for. */
export function organizedSchools(who: WhoAmI): PlaceName[] {
  return who.offices.flatMap(({ office, place }) =>
    office === 'organizer' && place?.kind === 'school' ? [place] : [],
  )
}
