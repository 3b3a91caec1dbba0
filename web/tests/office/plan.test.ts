import { describe, expect, it } from 'vitest'
import type { LessonSummary } from '@/office/office-client'
import {
  byTime,
  formOf,
  localTime,
  newClass,
  newForm,
  planOf,
  schoolsOf,
  unixMs,
  type LessonForm,
} from '@/office/plan'

const KNOWN = [{ id: 'li', name: '李老师' }]
const FORM: LessonForm = {
  id: '',
  title: ' 光的折射 ',
  master: '李老师',
  starts: '2027-01-15T08:00',
  ends: '2027-01-15T08:45',
  recorded: true,
  reason: '',
  classes: [
    { id: '', name: '1班', school: '实验小学', tutor: '王老师', at_home: false, pupils: 42 },
    { id: 'c2', name: '2班', school: '实验小学', tutor: '王老师', at_home: true, pupils: 0 },
  ],
  standBys: [
    { tutor: '王老师', school: '' },
    { tutor: '周老师', school: '实验小学' },
    { tutor: ' ', school: '' },
  ],
}

function counting(): (kind: string) => string {
  let count = 0
  return (kind) => `${kind}-${String((count += 1))}`
}

describe('a plan', () => {
  it('names who is known and says who is new, once', () => {
    const { plan, newcomers } = planOf(FORM, KNOWN, counting())
    expect(plan.title).toBe('光的折射')
    expect(plan.master).toBe('li')
    expect(plan.classes.map((room) => room.tutor)).toEqual(['teacher-2', 'teacher-2'])
    expect(plan.classes.map((room) => room.id)).toEqual(['class-1', 'c2'])
    expect(newcomers).toEqual({ 'teacher-2': '王老师', 'teacher-3': '周老师' })
    expect(plan.tutors).toEqual([
      { person: 'teacher-2', school: '' },
      { person: 'teacher-3', school: '实验小学' },
    ])
    expect(schoolsOf(FORM)).toEqual(['实验小学'])
    expect(plan.ends_ms - plan.starts_ms).toBe(45 * 60_000)
  })

  it('leaves out what was not filled in', () => {
    const { plan } = planOf(
      { ...FORM, master: ' ', starts: '', ends: '', classes: [], standBys: [] },
      KNOWN,
      counting(),
    )
    expect([plan.master, plan.starts_ms, plan.ends_ms]).toEqual(['', 0, 0])
  })

  it('comes back as it was', () => {
    const { plan } = planOf(FORM, KNOWN, counting())
    const lesson = { ...plan, id: 'l', state: 'scheduled' as const, started_ms: 0, ended_ms: 0 }
    const known = [...KNOWN, { id: 'teacher-2', name: '王老师' }, { id: 'teacher-3', name: '周老师' }]
    expect(planOf(formOf(lesson, known), known, counting()).plan).toEqual(plan)
  })

  it('begins with the next full hour', () => {
    const form = newForm(unixMs('2027-01-15T08:01'))
    expect([form.starts, form.ends]).toEqual(['2027-01-15T09:00', '2027-01-15T09:45'])
    expect(newClass(1, '实验小学', (number) => `${String(number)}班`)).toMatchObject({
      name: '2班',
      school: '实验小学',
    })
    expect(localTime(0)).toBe('')
  })
})

describe('the list of lessons', () => {
  const lesson = (id: string, state: LessonSummary['state'], starts_ms: number): LessonSummary => ({
    id,
    state,
    starts_ms,
    title: id,
    master: '',
    recorded: true,
    ends_ms: 0,
    started_ms: 0,
    ended_ms: 0,
  })

  it('has what goes on first, then what is to come, and apart what is over', () => {
    const DAY = 86_400_000
    const { now, past } = byTime(
      [
        lesson('later', 'scheduled', DAY + 2),
        lesson('over', 'ended', 5),
        lesson('soon', 'scheduled', DAY + 1),
        lesson('missed', 'scheduled', 7),
        lesson('doors', 'open', DAY + 3),
        lesson('on', 'live', 9),
      ],
      DAY,
    )
    expect(now.map((each) => each.id)).toEqual(['on', 'doors', 'soon', 'later'])
    expect(past.map((each) => each.id)).toEqual(['missed', 'over'])
  })
})
