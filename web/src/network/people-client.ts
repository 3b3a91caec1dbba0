/** Places, people and imports over HTTP, for organizers. */

import { problemFrom } from '@/client/problem'
import { currentLanguage } from '@/i18n'
import { answered } from './proof'
import { ask, path, type OfficeName, type OfficeView } from './network-client'

export type PlaceKind = 'city' | 'district' | 'school' | 'provider'

export interface Place {
  id: string
  kind: PlaceKind
  name: string
  /** Empty: of a city. */
  parent: string
  above: string[]
  closed_ms: number | null
}

export interface SchoolClass {
  id: string
  school: string
  name: string
  grade: number
  at_home: boolean
  pupils: number
  tutor: string
  closed_ms: number | null
}

export interface Account {
  person: string
  name: string
  login: string
  email: string
  place: string
  has_password: boolean
  single_sign_on: boolean
  second_factor: boolean
  disabled_ms: number | null
  offices: OfficeView[]
}

export interface ImportFault {
  row: number
  kind: string
  value: string
  text: string
}

export interface ImportReport {
  digest: string
  done: boolean
  read_as: string
  rows: number
  ignored: string[]
  schools: string[]
  new_schools: number
  new_classes: number
  new_accounts: number
  renamed: number
  new_offices: number
  moved: number
  unchanged: number
  faults: ImportFault[]
  fault_count: number
}

export interface Letter {
  person: string
  name: string
  login: string
  offices: OfficeView[]
  code: string
  ends_ms: number
}

/** `?a=b`, without what is empty. */
const query = (asked: Record<string, string | undefined>) => {
  const said = new URLSearchParams()
  for (const [name, value] of Object.entries(asked)) if (value) said.set(name, value)
  return said.size ? `?${said}` : ''
}

/** Of one page; more with `after`, the last one's id. */
export const places = async (asked: { parent?: string; words?: string; after?: string } = {}) =>
  (await ask<{ places: Place[] }>('GET', path('places') + query(asked))).places

export const addPlace = (made: { kind: PlaceKind; name: string; parent: string }) =>
  ask<Place>('POST', path('places'), made)

export const closePlace = (place: string, reason: string) =>
  ask<null>('POST', path('places', place, 'close'), { reason })

export const classes = async (place: string, after = '') =>
  (await ask<{ classes: SchoolClass[] }>('GET', path('places', place, 'classes') + query({ after }))).classes

export const addClass = (place: string, made: { name: string; grade: number; at_home: boolean }) =>
  ask<SchoolClass>('POST', path('places', place, 'classes'), made)

export const closeClass = (id: string, reason: string) =>
  ask<null>('POST', path('classes', id, 'close'), { reason })

export const accounts = async (asked: {
  place: string
  words: string
  office: string
  after: string
  /** `true`: these, too. */
  disabled?: string
}) => (await ask<{ accounts: Account[] }>('GET', path('accounts') + query(asked))).accounts

export const addAccount = (made: { name: string; login: string; email: string; place: string }) =>
  ask<Account>('POST', path('accounts'), made)

export const disableAccount = (person: string, reason: string) =>
  ask<null>('POST', path('accounts', person, 'disable'), { reason })

export const enableAccount = (person: string) => ask<null>('POST', path('accounts', person, 'enable'), {})

export const dropLostFactor = (person: string, reason: string) =>
  ask<null>('POST', path('accounts', person, 'second-factor', 'drop'), { reason })

export interface NewOffice {
  person: string
  office: OfficeName
  place: string
  class_id?: string
  subject?: string
  about?: string
  until_ms?: number
}

export const appoint = (made: NewOffice) => ask<unknown>('POST', path('appointments'), made)

export const revoke = (office: string, reason: string) =>
  ask<null>('POST', path('appointments', office, 'revoke'), { reason })

export interface MadeInvitation {
  id: string
  code: string
  ends_ms: number
}

export const invitePerson = (person: string) => ask<MadeInvitation>('POST', path('invitations'), { person })

export const inviteClass = (place: string, class_id: string, uses: number) =>
  ask<MadeInvitation>('POST', path('invitations'), { office: 'student', place, class_id, uses })

export interface RoomDevice {
  id: string
  name: string
  class_id: string
  paired_ms: number
  /** null: it is let in. */
  revoked_ms: number | null
}

export const pairDevice = (room: string, code: string) =>
  ask<RoomDevice>('POST', path('classes', room, 'devices'), { code })

/** Those that are let in. */
export async function devices(place: string): Promise<RoomDevice[]> {
  const found: RoomDevice[] = []
  let page: RoomDevice[]
  do {
    const url = path('places', place, 'devices') + query({ after: found.at(-1)?.id ?? '' })
    page = (await ask<{ devices: RoomDevice[] }>('GET', url)).devices
    found.push(...page)
  } while (page.length >= 500)
  return found.filter((device) => device.revoked_ms === null)
}

export const revokeDevice = (place: string, device: string) =>
  ask<null>('DELETE', path('places', place, 'devices', device))

export const invitationLink = (code: string) => `${window.location.origin}/invite#code=${code}`

/** For everybody of the place who cannot sign in yet; asks until there are no more. */
export async function letters(
  place: string,
  again: boolean,
): Promise<{ letters: Letter[]; leftOut: number }> {
  const found: Letter[] = []
  let leftOut = 0
  let after = ''
  do {
    const told = await ask<{ letters: Letter[]; left_out: number; after: string }>(
      'POST',
      path('places', place, 'invitations'),
      { again, after },
    )
    found.push(...told.letters)
    leftOut += told.left_out
    after = told.after
  } while (after)
  return { letters: found, leftOut }
}

/** `digest`: of the file that was looked at and is to be taken; empty: have it looked at. Raises ProblemError. */
export async function sendImport(place: string, file: File, digest: string): Promise<ImportReport> {
  const url = path('imports', ...(digest ? [] : ['preview'])) + query({ place, digest })
  const headers = { 'Accept-Language': currentLanguage(), 'Content-Type': 'application/octet-stream' }
  const response = await answered(() => fetch(url, { method: 'POST', headers, body: file }))
  return (await response.json()) as ImportReport
}

/** In the page's language, whatever the browser's is. */
export async function importTemplate(): Promise<Blob> {
  const headers = { 'Accept-Language': currentLanguage() }
  const response = await fetch(path('imports', 'template.csv'), { headers })
  if (!response.ok) throw await problemFrom(response)
  return response.blob()
}

/** A cell of a CSV that no spreadsheet takes for a formula (OWASP: CSV injection). */
export function csvCell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** With the mark by which Excel knows UTF-8. */
export const csvFile = (rows: string[][]) =>
  new Blob(['\ufeff', rows.map((row) => row.map(csvCell).join(',')).join('\r\n'), '\r\n'], {
    type: 'text/csv;charset=utf-8',
  })

export function download(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // When the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
