import { describe, expect, it } from 'vitest'
import { bytesText, cellText, csvOf, toneOf, xlsxOf, type Dashboard } from '@/network/dashboard'

const quiet: Dashboard = {
  at_ms: 0,
  from_ms: 0,
  until_ms: 0,
  timezone: 'Asia/Shanghai',
  places: [],
  lessons: { all: 0, live: 0, overrun: 0, late: 0, waiting: 0, over: 0, cancelled: 0, missed: 0 },
  joins: { lessons: 0, refused: 0, broken: 0, people: 0 },
  quality: { schools: 0, minutes: 0, good: 1, poor: 0, worst: '' },
  storage: { items: 0, live: 0, bytes: 0 },
  quotas: { providers: 0, nearly: 0, allowed: 0, booked: 0 },
  problems: { open: 0, answered: 0, providers: 0, oldest_ms: 0 },
}

describe('what a figure asks for', () => {
  it('is nothing where nothing is wrong', () => {
    for (const section of ['lessons', 'joins', 'quality', 'storage', 'quotas', 'problems'] as const)
      expect(toneOf(section, quiet)).toBe('good')
  })

  it('is to act where somebody waits, to keep an eye on what may come', () => {
    expect(toneOf('lessons', { ...quiet, lessons: { ...quiet.lessons, late: 1 } })).toBe('poor')
    expect(toneOf('lessons', { ...quiet, lessons: { ...quiet.lessons, overrun: 1 } })).toBe('poor')
    expect(toneOf('joins', { ...quiet, joins: { ...quiet.joins, broken: 1 } })).toBe('fair')
    expect(toneOf('quality', { ...quiet, quality: { ...quiet.quality, good: 0.8 } })).toBe('fair')
    expect(toneOf('quality', { ...quiet, quality: { ...quiet.quality, poor: 0.06 } })).toBe('poor')
    expect(toneOf('problems', { ...quiet, problems: { ...quiet.problems, answered: 1 } })).toBe('fair')
  })
})

describe('a cell', () => {
  it('reads in the page’s language and by the clock of the place', () => {
    expect(cellText(1_793_548_800_000, 'time', 'en', 'Asia/Shanghai')).toMatch(/11\/2, .*00/)
    expect(cellText(0.254, 'share', 'en', 'UTC')).toBe('25.4%')
    expect(cellText(1234, 'number', 'en', 'UTC')).toBe('1,234')
    expect(cellText(null, 'time', 'en', 'UTC')).toBe('—')
    expect(cellText('=2+3', 'text', 'en', 'UTC')).toBe('=2+3')
  })

  it('has bytes in the unit that fits', () => {
    expect(bytesText(0, 'en')).toBe('0 byte')
    expect(bytesText(1_500_000_000, 'en')).toBe('1.5 GB')
    expect(bytesText(999, 'en')).toBe('999 byte')
  })
})

it('files are of what is chosen', () => {
  expect(csvOf('joins', { place: 'a b', day: '' })).toBe('/api/v1/dashboard/joins/csv?place=a+b')
  expect(xlsxOf({ place: '', day: '2026-09-01' })).toBe('/api/v1/dashboard.xlsx?day=2026-09-01')
})
