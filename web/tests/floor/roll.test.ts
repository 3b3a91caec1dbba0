import { describe, expect, it } from 'vitest'
import { countText, homeRows, parseRegister, registerText, rollsOf, seatRows, withRoll } from '@/floor/roll'
import { STUDENT, TUTOR } from '../examples'

const WHOLE = {
  class_id: 'c1',
  present: 1,
  total: 3,
  register: [{ seat: '1', name: '张三' }, { seat: '2' }, { seat: '3' }],
  marks: [{ seat: '1', mark: 'present' as const, at_ms: 5 }],
}

describe('the roll call', () => {
  it('keeps what a message does not name', () => {
    const rolls = withRoll(rollsOf([WHOLE]), {
      class_id: 'c1',
      present: 1,
      late: 1,
      total: 3,
      marks: [
        { seat: '2', mark: 'late' },
        { person: 's1', mark: 'absent' },
      ],
    })
    expect(rolls.c1?.seats).toEqual({ '1': 'present', '2': 'late' })
    expect(rolls.c1?.people).toEqual({ s1: 'absent' })
    expect(rolls.c1?.register).toHaveLength(3)
    expect(withRoll(rolls, { class_id: 'c1', marks: [{ seat: '1' }] }).c1?.seats).toEqual({ '2': 'late' })
  })

  it('has a row for each seat, numbered where nobody entered names', () => {
    expect(seatRows(rollsOf([WHOLE]).c1, 40).map((row) => [row.seat, row.name, row.mark])).toEqual([
      ['1', '张三', 'present'],
      ['2', '', null],
      ['3', '', null],
    ])
    expect(seatRows(undefined, 2).map((row) => row.seat)).toEqual(['1', '2'])
    expect(seatRows(undefined, 0)).toEqual([])
  })

  it('lists the pupils at home of the own class', () => {
    const people = [
      TUTOR,
      STUDENT,
      { ...STUDENT, id: 's2', online: false },
      { ...STUDENT, id: 's3', class_id: 'x' },
    ]
    const rows = homeRows(undefined, people, STUDENT.class_id ?? '')
    expect(rows.map((row) => [row.person.id, row.state])).toEqual([
      [STUDENT.id, 'here'],
      ['s2', 'away'],
    ])
  })

  it('says how many of how many', () => {
    expect(countText(rollsOf([WHOLE]).c1, 40)).toBe('1/3')
    expect(countText(undefined, 40)).toBe('0/40')
    expect(countText(undefined, 0)).toBe('')
  })

  it('reads a list as it is pasted', () => {
    const read = parseRegister('1 张三\n 2，李四 \n\n3\t王 五\n小明\n3排12号 محمد\n7')
    expect(read).toEqual([
      { seat: '1', name: '张三' },
      { seat: '2', name: '李四' },
      { seat: '3', name: '王 五' },
      { seat: '4', name: '小明' },
      { seat: '3排12号', name: 'محمد' },
      { seat: '7', name: '' },
    ])
    expect(parseRegister(registerText(read))).toEqual(read)
  })
})
