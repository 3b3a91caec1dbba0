import { describe, expect, it } from 'vitest'
import { clockText, elapsedMs, fromWelcome, reduce } from '@/client/lesson-state'
import { FLOOR, MASTER, STUDENT, TUTOR, welcome } from '../examples'

const NOW = 2_000_000
const BARE = { id: 'demo', title: '认识月食', phase: 'lecture', floor: FLOOR, stage: {} } as const
const START = fromWelcome(welcome(), NOW)

describe('the lesson', () => {
  it('takes missing fields as their defaults', () => {
    const lesson = { ...BARE, title: '', state: 'open' } as const
    expect(fromWelcome(welcome({ lesson }), NOW)).toMatchObject({
      people: [],
      talk: { chat: [], quizzes: [], conduct: { chat: true, screen: false } },
      recording: 'off',
      recorded: true,
    })
  })

  it('is nothing before the welcome', () => {
    expect(reduce(null, { type: 'hands', hands: [] }, NOW)).toBeNull()
  })

  it('keeps its lists over a resume, whose welcome has none', () => {
    const bare = { ...BARE, state: 'ended' } as const
    const after = reduce(START, welcome({ resumed: true, lesson: bare }), NOW)
    expect(after?.state).toBe('ended')
    expect(after?.people).toEqual(START.people)
  })

  it('starts afresh when the session could not be resumed', () => {
    const bare = { ...BARE, state: 'live' } as const
    expect(reduce(START, welcome({ lesson: bare }), NOW)?.people).toEqual([])
  })
})

describe('the roster', () => {
  it('changes, adds and takes away by id, in order', () => {
    const added = { ...STUDENT, id: 's2', name: '小红' }
    const after = reduce(
      START,
      { type: 'roster', people: [{ ...TUTOR, online: false }, added], gone: ['s1'] },
      NOW,
    )
    expect(after?.people.map((person) => [person.id, person.online])).toEqual([
      ['m', true],
      ['t1', false],
      ['s2', true],
    ])
    expect(after?.classes).toBe(START.classes)
  })

  it('changes oneself too', () => {
    const after = reduce(START, { type: 'roster', people: [{ ...STUDENT, name: '明明' }] }, NOW)
    expect(after?.me.name).toBe('明明')
  })
})

describe('chat', () => {
  const line = (id: string) => ({
    type: 'chat' as const,
    message: { id, person: 'm', name: MASTER.name, role: MASTER.role, text: '你好', at_ms: 1 },
  })

  it('takes a message once', () => {
    const once = reduce(START, line('a'), NOW)
    expect(reduce(once, line('a'), NOW)).toBe(once)
  })

  it('keeps a bounded number of lines, the newest', () => {
    let lesson: ReturnType<typeof reduce> = START
    for (let count = 0; count < 600; count += 1) lesson = reduce(lesson, line(String(count)), NOW)
    expect(lesson?.talk.chat).toHaveLength(500)
    expect(lesson?.talk.chat.at(-1)?.id).toBe('599')
  })
})

describe('time', () => {
  it('follows the server’s clock', () => {
    // At the welcome the server's clock says 60 s after the start.
    expect(elapsedMs(START, NOW + 5_000)).toBe(65_000)
  })

  it('is nothing before the lesson is live', () => {
    const change = {
      type: 'lesson',
      state: 'open',
      phase: 'lecture',
      recording: 'off',
      floor: FLOOR,
    } as const
    const open = reduce(START, change, NOW)
    expect(open && elapsedMs(open, NOW)).toBe(0)
  })

  it.each([
    [0, '00:00:00'],
    [65_999, '00:01:05'],
    [3_600_000 * 11 + 59_000, '11:00:59'],
  ])('%d ms reads %s', (ms, text) => {
    expect(clockText(ms)).toBe(text)
  })
})

describe('who speaks', () => {
  it('is the whole list each time, and nobody on starting afresh', () => {
    const after = reduce(START, { type: 'speakers', people: ['t1'] }, NOW)
    expect(after?.speaking).toEqual(['t1'])
    expect(reduce(after, welcome(), NOW)?.speaking).toEqual([])
    expect(reduce(after, welcome({ resumed: true }), NOW)?.speaking).toEqual(['t1'])
  })
})
