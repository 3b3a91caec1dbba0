import { describe, expect, it } from 'vitest'
import type { CatalogueLesson, Party, TimetableEntry } from '@/network/catalogue-client'
import type { OfficeView, WhoAmI } from '@/network/network-client'
import {
  byDay,
  canBeExchanged,
  dayOf,
  givenUpFor,
  heldAs,
  heldBy,
  nextOf,
  partiesOf,
  schoolsOf,
} from '@/network/timetable'

const MORNING = new Date(2026, 10, 23, 9, 0).getTime()
const HOUR = 3_600_000

function entry(change: Partial<TimetableEntry> = {}): TimetableEntry {
  return {
    lesson: 'l1',
    title: 'Light',
    course: 'c',
    role: 'student',
    person: 'ann',
    mine: true,
    name: 'Ann',
    class_id: 'k1',
    class_name: '',
    state: 'enrolled',
    cancelled: false,
    master_name: '',
    provider_name: '',
    delivery: 'live',
    lesson_state: 'scheduled',
    starts_ms: MORNING,
    ends_ms: MORNING + HOUR,
    door_opens_ms: MORNING - HOUR / 2,
    open: false,
    room: '',
    online: false,
    keeps: false,
    change: null,
    ...change,
  }
}

function office(change: Partial<OfficeView>): OfficeView {
  return {
    id: '',
    office: 'tutor',
    place: null,
    class_id: '',
    class_name: '',
    course: '',
    subject: '',
    about: '',
    about_name: '',
    from_ms: 0,
    until_ms: null,
    ...change,
  }
}

function place(id: string, kind: 'school' | 'district'): OfficeView['place'] {
  return { id, kind, name: id, timezone: 'Asia/Shanghai' }
}

describe('a timetable', () => {
  it('goes day by day', () => {
    const days = byDay([MORNING, MORNING + HOUR, MORNING + 24 * HOUR], (each) => each)
    expect(days.map((day) => day.things.length)).toEqual([2, 1])
    expect(days[0]?.begins_ms).toBe(dayOf(MORNING))
  })

  it('shows the open lesson first, else the next of today', () => {
    const later = entry({ lesson: 'l2', starts_ms: MORNING + 2 * HOUR, ends_ms: MORNING + 3 * HOUR })
    expect(nextOf([entry(), later], MORNING - 2 * HOUR)?.lesson).toBe('l1')
    expect(nextOf([entry(), { ...later, open: true }], MORNING)?.lesson).toBe('l2')
    expect(nextOf([entry(), later], MORNING + HOUR)?.lesson).toBe('l2')
    expect(nextOf([later], MORNING - 24 * HOUR)).toBeNull()
  })

  it('takes what begins within the hour for the next, whatever the date', () => {
    const midnight = new Date(2026, 8, 2).getTime()
    const early = entry({ starts_ms: midnight + 11 * 60_000, ends_ms: midnight + HOUR })
    expect(nextOf([early], midnight - 4 * 60_000)?.lesson).toBe('l1')
    expect(nextOf([early], midnight - HOUR)).toBeNull()
  })

  it('does not show what is cancelled or waits as the next', () => {
    expect(nextOf([entry({ cancelled: true }), entry({ state: 'waiting' })], MORNING)).toBeNull()
  })
})

describe('what is enrolled already', () => {
  it('is known of a class, of a person alone, and of one who is in with the class', () => {
    const held = heldBy([
      entry({ lesson: 'l1', role: 'tutor', class_id: 'k1', class_name: '3.1' }),
      entry({ lesson: 'l2', person: 'ann', class_id: 'l2-home-1' }),
      entry({ lesson: 'l3', person: 'ann', class_id: 'k1', class_name: '3.1' }),
    ])
    const ann = { kind: 'people', id: 'ann', name: 'Ann' } as const
    expect(heldAs(held, 'l1', { kind: 'classes', id: 'k1', name: '3.1' })).toBe('own')
    expect(heldAs(held, 'l1', { kind: 'classes', id: 'k2', name: '3.2' })).toBeNull()
    expect(heldAs(held, 'l2', ann)).toBe('own')
    expect(heldAs(held, 'l3', ann)).toBe('class')
    expect(heldAs(held, 'l4', ann)).toBeNull()
  })
})

describe('for whom somebody enrols', () => {
  it('follows from their offices, each once', () => {
    const offices = [
      office({ office: 'tutor', class_id: 'k1', class_name: '3.1' }),
      office({ office: 'tutor', class_id: 'k1', class_name: '3.1' }),
      office({ office: 'parent', about: 'ann', about_name: 'Ann' }),
      office({ office: 'student', class_id: 'k2' }),
      office({ office: 'organizer', place: place('s1', 'school') }),
      office({ office: 'organizer', place: place('d', 'district') }),
    ]
    const who: WhoAmI = {
      person: 'me',
      name: 'Me',
      login: 'me',
      has_password: true,
      second_factor: false,
      second_factor_due: false,
      recovery_codes: 0,
      offices,
    }
    expect(partiesOf(who)).toEqual([
      { kind: 'classes', id: 'k1', name: '3.1' },
      { kind: 'people', id: 'ann', name: 'Ann' },
      { kind: 'people', id: 'me', name: 'Me' },
    ])
    expect(schoolsOf(who)).toEqual(['s1'])
  })
})

describe('an exchange', () => {
  const wanted = (starts_ms: number) =>
    ({ lesson: { lesson: 'l2', starts_ms, ends_ms: starts_ms + HOUR } }) as CatalogueLesson
  const ann: Party = { kind: 'people', id: 'ann', name: 'Ann' }

  it('gives up what stands in the way', () => {
    const held = heldBy([entry()])
    expect(givenUpFor(held, wanted(MORNING + HOUR / 2), ann)).toMatchObject({ inTheWay: true })
    expect(givenUpFor(held, wanted(MORNING + HOUR), ann)).toBeNull()
    expect(givenUpFor(held, wanted(MORNING + HOUR), ann, ['l1', 'l2'])).toMatchObject({ inTheWay: false })
    expect(givenUpFor(held, wanted(MORNING), { ...ann, id: 'bob' })).toBeNull()
  })

  it('is for who holds the places', () => {
    expect(canBeExchanged(entry({ class_name: '1' }), 0)).toBe(false)
    expect(canBeExchanged(entry({ role: 'tutor', class_name: '1' }), 0)).toBe(true)
    expect(canBeExchanged(entry({ role: 'tutor' }), 0)).toBe(false)
    expect(canBeExchanged(entry({ role: 'master' }), 0)).toBe(false)
    expect(canBeExchanged(entry({ cancelled: true }), 0)).toBe(false)
    expect(canBeExchanged(entry(), MORNING)).toBe(false)
  })
})
