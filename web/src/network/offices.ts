/** Offices in words. */

import type { OfficeView } from './network-client'

/** Where and for whom somebody holds an office: school and class, subject, child. */
export function officeWords(office: OfficeView, everywhere: string): string {
  const where = office.place?.name ?? everywhere
  return [where, office.class_name, office.subject, office.about_name].filter(Boolean).join(' · ')
}
