/** Enrolling from a page that shows lessons: for whom, what they hold already, and what became of it. */

import { ref, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { ProblemError, type Problem } from '@/client/problem'
import {
  classesOf,
  enrol as enrolIn,
  myTimetable,
  withdraw as withdrawFrom,
  type CatalogueLesson,
  type Enrolment,
  type Party,
} from './catalogue-client'
import type { WhoAmI } from './network-client'
import { whoIsHere } from './who'
import { heldBy, partiesOf, schoolsOf, type Held } from './timetable'

/** What became of the last enrolment in a lesson. */
export interface Told {
  good: boolean
  text: string
}

export function problemOf(error: unknown): Problem {
  return error instanceof ProblemError ? error.problem : { kind: '', title: '', detail: '' }
}

/** changed: places were taken or given back, and what the page shows of them is old. */
export function useEnrolling(changed: () => Promise<void>) {
  const { t } = useI18n()
  /** Who looks; null: not known yet. */
  const who = shallowRef<WhoAmI | null>(null)
  const parties = shallowRef<Party[]>([])
  const held = shallowRef<Held>({})
  const told = ref<Record<string, Told>>({})

  async function loadParties(): Promise<void> {
    const found = (who.value = await whoIsHere())
    const own = partiesOf(found)
    const schools = await Promise.all(schoolsOf(found).map((school) => classesOf(school)))
    const classes = schools.flat().map<Party>((each) => ({ kind: 'classes', id: each.id, name: each.name }))
    const known = new Set(own.map((each) => each.id))
    parties.value = [...own, ...classes.filter((each) => !known.has(each.id))]
  }

  async function loadHeld(): Promise<void> {
    held.value = heldBy((await myTimetable()).entries)
  }

  /** Who looks without either may still look. */
  function load(): void {
    loadParties().catch(() => undefined)
    loadHeld().catch(() => undefined)
  }

  function wordsOf(made: Enrolment, party: Party): string {
    const values = { name: party.name, ahead: made.ahead + 1 }
    if (party.instead_of && made.state === 'enrolled') return t('catalogue.exchanged', values)
    const waiting = made.waits_for === 'quota' ? 'catalogue.waitsForQuota' : 'catalogue.waiting'
    return t(made.state === 'enrolled' ? 'catalogue.enrolled' : waiting, values)
  }

  async function run(lesson: CatalogueLesson, work: (id: string) => Promise<string>): Promise<void> {
    const { lesson: id } = lesson.lesson
    try {
      const text = await work(id)
      told.value = { ...told.value, [id]: { good: true, text } }
      await Promise.all([changed(), loadHeld()])
    } catch (error) {
      const { title, detail } = problemOf(error)
      told.value = { ...told.value, [id]: { good: false, text: detail || title || t('catalogue.failed') } }
    }
  }

  const enrol = (lesson: CatalogueLesson, party: Party) =>
    run(lesson, async (id) => wordsOf(await enrolIn(id, party), party))

  const withdraw = (lesson: CatalogueLesson, party: Party) =>
    run(lesson, async (id) => {
      await withdrawFrom(id, party)
      return t('catalogue.withdrawn', { name: party.name })
    })

  return { who, parties, held, told, load, enrol, withdraw }
}
