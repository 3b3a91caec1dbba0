import { describe, expect, it } from 'vitest'
import type { ServerMessage, StageView } from '@/protocol/messages'
import { fromWelcome, reduce } from '@/client/lesson-state'
import {
  byNeed,
  floorOf,
  mayTakeOver,
  ownInvitation,
  ownOnStage,
  reduceFloor,
  timerSeconds,
} from '@/floor/floor-state'
import { FLOOR, MASTER, STUDENT, TUTOR, welcome } from '../examples'

const START = floorOf({ floor: FLOOR, stage: {} })
const STAGE: StageView = {
  members: [{ person: 's1', name: '小明', role: 'student', class_id: 'c1' }],
  invited: [{ person: 'r1', name: '1班', role: 'room', class_id: 'c1' }],
}

describe('the floor', () => {
  it('takes each part from its message', () => {
    const messages: ServerMessage[] = [
      { type: 'stage', stage: STAGE },
      { type: 'look', class_id: 'c1' },
      { type: 'class.links', class_id: 'c1', token: 'abc', expires_at: 1 },
    ]
    expect(messages.reduce(reduceFloor, START)).toEqual({
      floor: FLOOR,
      stage: STAGE,
      looking: 'c1',
      links: { c1: 'abc' },
      rolls: {},
    })
  })

  it('looks into no class any more', () => {
    expect(reduceFloor({ ...START, looking: 'c1' }, { type: 'look', class_id: null }).looking).toBe('')
  })

  it('changes with the lesson, and stays over a resume', () => {
    const start = fromWelcome(welcome(), 0)
    const floor = { ...FLOOR, situation: 'local_qa' as const }
    const after = reduce(
      start,
      { type: 'lesson', state: 'live', phase: 'local_qa', recording: 'on', floor },
      0,
    )
    expect(after?.where.floor.situation).toBe('local_qa')
    expect(reduce(after, welcome({ resumed: true }), 0)?.where).toBe(after?.where)
  })

  it('counts down, and over', () => {
    const floor = { ...FLOOR, timer: { seconds: 60, ends_ms: 60_000 } }
    expect(timerSeconds(floor, 15_500)).toBe(45)
    expect(timerSeconds(floor, 63_000)).toBe(-3)
    expect(timerSeconds(FLOOR, 0)).toBeNull()
  })
})

describe('the stage', () => {
  it('is one’s own, or of a tutor the whole class’s', () => {
    expect(ownOnStage(STAGE, STUDENT)).toHaveLength(1)
    expect(ownOnStage(STAGE, TUTOR)).toHaveLength(1)
    expect(ownOnStage(STAGE, MASTER)).toHaveLength(0)
    expect(ownInvitation(STAGE, STUDENT)).toBeNull()
    expect(ownInvitation(STAGE, TUTOR)?.person).toBe('r1')
  })
})

describe('classes', () => {
  it('who need the master come first', () => {
    const there = { tutor: 'x', tutor_online: true }
    const classes = [
      { id: 'a', name: '10班', ...there, called: 1 },
      { id: 'b', name: '2班', ...there, called: 1 },
      { id: 'c', name: '3班', ...there },
      { id: 'd', name: '4班', ...there },
      { id: 'e', name: '5班' },
      { id: 'f', name: '6班', ...there, quality: 'poor' as const },
    ]
    const hands = [{ id: 'h', person: 'p', name: '', class_id: 'd' }]
    const names = byNeed(classes, hands).map((each) => each.name)
    expect(names).toEqual(['5班', '6班', '4班', '3班', '2班', '10班'])
  })

  it('may be taken over by another tutor of theirs when nobody is there', () => {
    const own = { id: 'c1', name: '1班', tutor: 't9' }
    expect(mayTakeOver(own, TUTOR)).toBe(true)
    expect(mayTakeOver({ ...own, tutor_online: true }, TUTOR)).toBe(false)
    expect(mayTakeOver({ ...own, tutor: 't1' }, TUTOR)).toBe(false)
    expect(mayTakeOver(own, STUDENT)).toBe(false)
  })
})
