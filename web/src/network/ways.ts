/** Where somebody goes in the course network, by the offices that they hold. */

import type { OfficeName } from './network-client'

/** Name of a page's route -> whose page it is; in the order in which they stand. */
const PAGES: Record<string, OfficeName[]> = {
  dashboard: ['organizer'],
  supervision: ['supervisor', 'organizer'],
  timetable: ['master', 'tutor', 'student', 'parent', 'organizer'],
  operations: ['organizer', 'provider'],
  'own-courses': ['provider'],
  reviews: ['provider', 'supervisor', 'organizer'],
  catalogue: ['organizer', 'provider', 'master', 'tutor', 'student', 'parent', 'supervisor', 'researcher'],
  progress: ['tutor', 'organizer'],
  places: ['organizer'],
}

/** Names of routes; one's own account is everybody's. */
export function waysOf(offices: readonly OfficeName[]): string[] {
  const found = Object.entries(PAGES).filter(([, whose]) => whose.some((each) => offices.includes(each)))
  return [...found.map(([name]) => name), 'me']
}
