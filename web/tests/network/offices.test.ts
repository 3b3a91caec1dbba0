import { expect, it } from 'vitest'
import { pagesOf } from '@/network/offices'

const names = (...offices: Parameters<typeof pagesOf>[0]) => pagesOf(offices).map(({ page }) => page)

it('everybody has a timetable and the catalogue', () => {
  expect(names()).toEqual(['timetable', 'catalogue'])
  expect(names('student', 'parent')).toEqual(['timetable', 'catalogue'])
})

it('who has an office has its pages, each once', () => {
  expect(names('provider')).toEqual(['timetable', 'catalogue', 'reviews'])
  expect(names('supervisor', 'provider')).toEqual(['timetable', 'catalogue', 'supervision', 'reviews'])
  expect(names('organizer')).toHaveLength(8)
})
