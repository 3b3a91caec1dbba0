/** The organizers' dashboard over HTTP, and how its figures read. */

import { ask, path, type PlaceName } from './network-client'

export const SECTIONS = ['lessons', 'joins', 'quality', 'storage', 'quotas', 'problems'] as const
export type Section = (typeof SECTIONS)[number]

export interface DashboardPlace extends Omit<PlaceName, 'timezone'> {
  path: string
}

export interface Dashboard {
  at_ms: number
  from_ms: number
  until_ms: number
  timezone: string
  places: DashboardPlace[]
  lessons: {
    all: number
    live: number
    overrun: number
    late: number
    waiting: number
    over: number
    cancelled: number
    missed: number
  }
  joins: { lessons: number; refused: number; broken: number; people: number }
  /** Shares from 0 to 1. */
  quality: { schools: number; minutes: number; good: number; poor: number; worst: string }
  storage: { items: number; live: number; bytes: number }
  quotas: { providers: number; nearly: number; allowed: number; booked: number }
  problems: { open: number; answered: number; providers: number; oldest_ms: number }
}

export type Cell = string | number | null

export interface DashboardColumn {
  key: string
  name: string
  kind: 'text' | 'number' | 'time' | 'share' | 'bytes'
}

export interface DashboardRows {
  section: Section
  columns: DashboardColumn[]
  rows: Cell[][]
  more: boolean
}

/** Of which place and day; empty: all of one's own, today. */
export interface Choice {
  place: string
  day: string
}

function asked(choice: Choice): string {
  const chosen = Object.entries(choice).filter(([, value]) => value) as [string, string][]
  return chosen.length ? `?${new URLSearchParams(chosen).toString()}` : ''
}

export const dashboard = (choice: Choice) => ask<Dashboard>('GET', path('dashboard') + asked(choice))

export const rowsOf = (section: Section, choice: Choice) =>
  ask<DashboardRows>('GET', path('dashboard', section) + asked(choice))

export const csvOf = (section: Section, choice: Choice) => path('dashboard', section, 'csv') + asked(choice)

export const xlsxOf = (choice: Choice) => path('dashboard.xlsx') + asked(choice)

/** What somebody is to look at: `poor`, now; `fair`, soon. */
export function toneOf(section: Section, found: Dashboard): 'good' | 'fair' | 'poor' {
  switch (section) {
    case 'lessons':
      return found.lessons.late + found.lessons.missed + found.lessons.overrun > 0 ? 'poor' : 'good'
    case 'joins':
      return found.joins.refused + found.joins.broken > 0 ? 'fair' : 'good'
    case 'quality':
      return found.quality.poor >= 0.05 ? 'poor' : found.quality.good < 0.9 ? 'fair' : 'good'
    case 'quotas':
      return found.quotas.nearly > 0 ? 'fair' : 'good'
    case 'problems':
      return found.problems.open > 0 ? 'poor' : found.problems.answered > 0 ? 'fair' : 'good'
    default:
      return 'good'
  }
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** `1.5 GB`, in steps of a thousand as disks are sold. */
export function bytesText(bytes: number, locale: string): string {
  const step = Math.min(UNITS.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0)
  const shown = { style: 'unit', unit: UNITS[step], maximumFractionDigits: 1 } as const
  return new Intl.NumberFormat(locale, shown).format(bytes / 1000 ** step)
}

export const shareText = (share: number, locale: string) =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share)

/** A cell as people read it; times by the clock of the place. */
export function cellText(
  cell: Cell,
  kind: DashboardColumn['kind'],
  locale: string,
  timeZone: string,
): string {
  if (cell === null || cell === '') return '—'
  if (typeof cell === 'string') return cell
  switch (kind) {
    case 'time': {
      const clock = { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' } as const
      return new Intl.DateTimeFormat(locale, { ...clock, hour12: false, timeZone }).format(cell)
    }
    case 'share':
      return shareText(cell, locale)
    case 'bytes':
      return bytesText(cell, locale)
    default:
      return new Intl.NumberFormat(locale).format(cell)
  }
}
