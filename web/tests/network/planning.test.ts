import { describe, expect, it } from 'vitest'
import type { PlannedLesson } from '@/network/operations'
import {
  changeForm,
  changeOf,
  changesSomething,
  fromWallClock,
  newSeries,
  wallClock,
  weekdayName,
  weekdayOf,
} from '@/network/planning'
import { zoneName } from '@/network/times'

const SHANGHAI = 'Asia/Shanghai'
const BERLIN = 'Europe/Berlin'
const NINE = Date.UTC(2026, 10, 23, 1)
const LESSON: PlannedLesson = {
  lesson: 'l1',
  title: 'Light',
  starts_ms: NINE,
  ends_ms: NINE + 45 * 60_000,
  master: 'chen',
  master_name: 'Chen',
  room: '301',
}

describe('the clock of a place', () => {
  it('shows what it shows there, wherever the page is', () => {
    expect(wallClock(NINE, SHANGHAI)).toBe('2026-11-23T09:00')
    expect(wallClock(Date.UTC(2026, 10, 22, 16), SHANGHAI)).toBe('2026-11-23T00:00')
    expect(fromWallClock('2026-11-23T09:00', SHANGHAI)).toBe(NINE)
    expect(fromWallClock('', SHANGHAI)).toBeNaN()
  })

  it('leaves an hour out in spring and has one twice in autumn', () => {
    expect(fromWallClock('2026-03-29T02:30', BERLIN)).toBe(Date.UTC(2026, 2, 29, 1, 30))
    expect(wallClock(fromWallClock('2026-03-29T02:30', BERLIN), BERLIN)).toBe('2026-03-29T03:30')
    expect(fromWallClock('2026-10-25T02:30', BERLIN)).toBe(Date.UTC(2026, 9, 25, 0, 30))
    expect(fromWallClock('2026-10-26T09:00', BERLIN)).toBe(Date.UTC(2026, 9, 26, 8))
  })

  it('has a name', () => {
    expect(zoneName(SHANGHAI, 'zh-CN')).toBe('中国标准时间')
  })
})

describe('the change of a lesson', () => {
  it('is what is not as it was', () => {
    const form = changeForm(LESSON, SHANGHAI)
    expect(changesSomething(changeOf(form, LESSON, 'light', SHANGHAI))).toBe(false)
    const moved = { ...form, starts: '2026-11-24T10:00', room: ' 302 ', following: true }
    expect(changeOf(moved, LESSON, 'light', SHANGHAI)).toEqual({
      course: 'light',
      lesson: 'l1',
      following: true,
      starts_ms: NINE + 25 * 3_600_000,
      room: '302',
    })
    const longer = changeOf({ ...form, minutes: 60, master: '' }, LESSON, 'light', SHANGHAI)
    expect(longer).toMatchObject({ ends_ms: NINE + 3_600_000, master: '' })
    expect(changesSomething(longer)).toBe(true)
  })
})

describe('a new series', () => {
  it('begins tomorrow, each week on that day', () => {
    expect(newSeries(NINE, SHANGHAI)).toMatchObject({
      first: '2026-11-24',
      last: '2027-03-24',
      weekdays: [2],
      every_weeks: 1,
    })
    expect(weekdayOf('2026-11-29')).toBe(7)
    expect(weekdayName(1, 'en')).toBe('Mon')
  })
})
