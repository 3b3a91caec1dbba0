/** The roll call, as this page knows it. Pure. */

import type { Mark, MarkView, PersonView, PupilView, RollView } from '@/protocol/messages'

export interface ClassRoll {
  readonly present: number
  readonly late: number
  readonly absent: number
  readonly total: number
  /** Empty: seats are numbered. */
  readonly register: readonly PupilView[]
  readonly seats: Readonly<Record<string, Mark>>
  readonly people: Readonly<Record<string, Mark>>
}

export type Rolls = Readonly<Record<string, ClassRoll>>

const NO_ROLL: ClassRoll = {
  present: 0,
  late: 0,
  absent: 0,
  total: 0,
  register: [],
  seats: {},
  people: {},
}

export function rollsOf(views: readonly RollView[] | undefined): Rolls {
  return (views ?? []).reduce(withRoll, {})
}

/** After a message: marks that it names are what it says, the others stay. */
export function withRoll(rolls: Rolls, view: RollView): Rolls {
  const before = rolls[view.class_id] ?? NO_ROLL
  const seats = { ...before.seats }
  const people = { ...before.people }
  for (const said of view.marks ?? []) note(said.seat ? seats : people, said)
  const roll: ClassRoll = {
    present: view.present ?? 0,
    late: view.late ?? 0,
    absent: view.absent ?? 0,
    total: view.total ?? 0,
    register: view.register ?? before.register,
    seats,
    people,
  }
  return { ...rolls, [view.class_id]: roll }
}

function note(marks: Record<string, Mark>, { seat, person, mark }: MarkView): void {
  const key = seat || person
  if (!key) return
  if (mark) marks[key] = mark
  else Reflect.deleteProperty(marks, key)
}

export interface SeatRow {
  seat: string
  name: string
  mark: Mark | null
}

/** All seats of the class in order, as the tutor calls them. `pupils`: how many it has, 0: not known. */
export function seatRows(roll: ClassRoll | undefined, pupils: number): SeatRow[] {
  const found = roll ?? NO_ROLL
  const register: readonly PupilView[] =
    found.register.length > 0
      ? found.register
      : Array.from({ length: pupils }, (_, index) => ({ seat: String(index + 1) }))
  return register.map(({ seat, name }) => ({ seat, name: name ?? '', mark: found.seats[seat] ?? null }))
}

export type HomeState = 'here' | 'away'

export interface HomeRow {
  person: PersonView
  state: HomeState
  mark: Mark | null
}

/** The pupils of the class who came in by themselves. */
export function homeRows(
  roll: ClassRoll | undefined,
  people: readonly PersonView[],
  classId: string,
): HomeRow[] {
  return people
    .filter((person) => person.role === 'student' && person.class_id === classId)
    .map((person) => ({
      person,
      state: person.online ? 'here' : 'away',
      mark: roll?.people[person.id] ?? null,
    }))
}

/** `40/42`: how many the tutor found, of all; without a roll call how many pupils there are. */
export function countText(roll: ClassRoll | undefined, pupils: number): string {
  const total = roll?.total || pupils
  return total ? `${String(roll?.present ?? 0)}/${String(total)}` : ''
}

/** Seats without a register: `1` to `count`. */
export function numbered(count: number): PupilView[] {
  return Array.from({ length: count }, (_, index) => ({ seat: String(index + 1) }))
}

/** Lines of `seat name`, as they are pasted from a table; a line without a seat gets its number. */
export function parseRegister(text: string): PupilView[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line, index) => {
      const found = /^(\S*\d\S*)[\s,，、\t]+(.+)$/.exec(line)
      if (found) return { seat: found[1] ?? '', name: (found[2] ?? '').trim() }
      return /^\S*\d\S*$/.test(line) ? { seat: line, name: '' } : { seat: String(index + 1), name: line }
    })
}

export function registerText(pupils: readonly PupilView[]): string {
  return pupils.map(({ seat, name }) => (name ? `${seat} ${name}` : seat)).join('\n')
}
