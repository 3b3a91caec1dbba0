import { describe, expect, it } from 'vitest'
import type { WhoAmI } from '@/network/network-client'
import { newLesson, offerOf, providersOf } from '@/network/courses'
import { followsSchoolsBelow, peopleOf, watchedBy } from '@/network/progress'

const HOUR = 3_600_000

function holding(
  ...offices: [office: string, kind: 'school' | 'provider' | 'district', id: string, class_id?: string][]
): WhoAmI {
  return {
    offices: offices.map(([office, kind, id, class_id = '']) => ({
      office,
      place: { id, kind, name: id, timezone: 'Asia/Shanghai' },
      class_id,
      class_name: class_id,
    })),
  } as WhoAmI
}

describe('whose progress is shown', () => {
  it('is that of each once, of oneself first', () => {
    const child = { person: 'child', name: 'Child', mine: false }
    const me = { person: 'me', name: 'Me', mine: true }
    expect(peopleOf([child, me, { ...child, name: 'Again' }])).toEqual([me, child])
  })

  it('is of a tutor their classes and of an organizer their school', () => {
    const who = holding(
      ['tutor', 'school', 's1', 'k1'],
      ['organizer', 'school', 's2'],
      ['tutor', 'school', 's1'],
    )
    expect(watchedBy(who).map((each) => each.id)).toEqual(['k1', 's2'])
    expect(followsSchoolsBelow(who)).toBe(false)
    expect(followsSchoolsBelow(holding(['organizer', 'district', 'd']))).toBe(true)
  })
})

describe('a provider', () => {
  it('is whoever answers for what a school or a museum gives', () => {
    const who = holding(
      ['provider', 'provider', 'museum'],
      ['organizer', 'district', 'd'],
      ['tutor', 'school', 's1'],
    )
    expect(providersOf(who)).toEqual([{ id: 'museum', name: 'museum' }])
  })

  it('offers a lesson of so many minutes, for classes alone or with a class at home', () => {
    const now = new Date(2026, 10, 23, 9, 30).getTime()
    const form = newLesson(now)
    const offer = offerOf(form)
    expect(offer.starts_ms).toBe(now + HOUR / 2 + 24 * HOUR)
    expect(offer.ends_ms - offer.starts_ms).toBe(0.75 * HOUR)
    expect(offer.home).toEqual([])
    expect(offerOf({ ...form, tutor: 'ann' }).home).toEqual([{ tutor: 'ann', size: 20 }])
  })
})
