/** Offices in words. */

import type { OfficeName, OfficeView } from './network-client'

/** Where and for whom somebody holds an office: school and class, subject, child. */
export function officeWords(office: OfficeView, everywhere: string): string {
  const where = office.place?.name ?? everywhere
  return [where, office.class_name, office.subject, office.about_name].filter(Boolean).join(' · ')
}

/** Pages of the course network: name of the route, key of its title, and for whom; nobody named: for all. */
const PAGES: readonly (readonly [string, string, readonly OfficeName[]])[] = [
  ['timetable', 'timetable.title', []],
  ['catalogue', 'catalogue.title', []],
  ['dashboard', 'dashboard.title', ['organizer']],
  ['operations', 'operations.title', ['organizer']],
  ['places', 'placesPage.heading', ['organizer']],
  ['import', 'importPage.heading', ['organizer']],
  ['supervision', 'wall.title', ['organizer', 'supervisor']],
  ['reviews', 'reviews.title', ['organizer', 'supervisor', 'provider']],
]

/** Where somebody with these offices has something to do. */
export function pagesOf(offices: readonly OfficeName[]): { page: string; title: string }[] {
  return PAGES.filter(([, , whose]) => !whose.length || whose.some((each) => offices.includes(each))).map(
    ([page, title]) => ({ page, title }),
  )
}
