import { describe, expect, it } from 'vitest'
import type { ChatView, QuizView, ServerMessage } from '@/protocol/messages'
import { fromWelcome, minutesText } from '@/client/lesson-state'
import { channelKey, channelsOf, mayKeepOrder, mayWrite } from '@/talk/channels'
import { askedOptions, chosenAfter, optionName, secondsLeft } from '@/talk/quiz'
import { currentQuiz, NO_TALK, reduceTalk } from '@/talk/talk-state'
import { MASTER, STUDENT, TUTOR, welcome } from '../examples'

const QUIZ: QuizView = { id: 'q1', kind: 'single', options: ['红', '绿'], opened_ms: 1 }
const SUPERVISOR = { ...MASTER, id: 'v', role: 'supervisor' as const }

const lessonOf = (me: typeof MASTER, changes = {}) => fromWelcome(welcome({ me, ...changes }), 0)
const keysOf = (me: typeof MASTER) => channelsOf(lessonOf(me)).map((channel) => channel.key)
const after = (...messages: ServerMessage[]) => messages.reduce(reduceTalk, NO_TALK)

describe('channels', () => {
  it('are those that a role has', () => {
    expect(keysOf(MASTER)).toEqual(['lesson', 'class:c1', 'private:t1'])
    expect(keysOf(TUTOR)).toEqual(['lesson', 'class:c1', 'private:t1'])
    expect(keysOf(STUDENT)).toEqual(['lesson', 'class:c1'])
    expect(keysOf(SUPERVISOR)).toEqual(['lesson', 'class:c1'])
  })

  it('are named in a message only by those who lead', () => {
    const to = (me: typeof MASTER) => channelsOf(lessonOf(me)).map((channel) => channel.to)
    expect(to(MASTER)).toEqual(['', 'c1', 't1'])
    expect(to(TUTOR)).toEqual(['', '', ''])
  })

  it('hold the messages that belong there', () => {
    const line: ChatView = { id: 'a', person: 't1', name: '李老师', role: 'tutor', text: '', at_ms: 1 }
    expect(channelKey(line)).toBe('lesson')
    expect(channelKey({ ...line, scope: 'class', class_id: 'c1' })).toBe('class:c1')
    expect(channelKey({ ...line, scope: 'private', class_id: 'c1', tutor: 't1' })).toBe('private:t1')
  })

  it('are closed to pupils, not to those who lead', () => {
    const lesson = {
      ...welcome().lesson,
      conduct: { allow: {}, chat_closed: true, closed_class_chats: ['c1'] },
    }
    const writable = (me: typeof MASTER) => {
      const state = lessonOf(me, { lesson })
      return channelsOf(state).filter((channel) => mayWrite(state, channel)).length
    }
    expect([MASTER, TUTOR, STUDENT, SUPERVISOR].map(writable)).toEqual([3, 2, 0, 0])
  })

  it('are kept in order by who leads them', () => {
    const ordered = (me: typeof MASTER) => {
      const state = lessonOf(me)
      return channelsOf(state)
        .filter((channel) => mayKeepOrder(state, channel))
        .map((channel) => channel.key)
    }
    expect(ordered(MASTER)).toEqual(['lesson', 'class:c1'])
    expect(ordered(TUTOR)).toEqual(['class:c1'])
    expect(ordered(STUDENT)).toEqual([])
  })
})

describe('talk', () => {
  it('keeps one announcement for everybody and one for each class', () => {
    const announced = (id: string, text: string, class_id = ''): ServerMessage => ({
      type: 'announcement',
      announcement: { id, text, class_id, person: 'm', name: '王老师', role: 'master', at_ms: 1 },
    })
    const talk = after(announced('1', '一'), announced('2', '二', 'c1'), announced('3', '三'))
    expect(talk.announcements.map((each) => each.text)).toEqual(['二', '三'])
    expect(reduceTalk(talk, announced('4', '')).announcements.map((each) => each.id)).toEqual(['2'])
  })

  it('takes out a deleted message', () => {
    const message: ChatView = { id: 'a', person: 'm', name: '', role: 'master', text: '', at_ms: 1 }
    expect(after({ type: 'chat', message }, { type: 'chat.deleted', chat_id: 'a' }).chat).toEqual([])
  })

  it('leaves the value alone where a message is about something else', () => {
    expect(reduceTalk(NO_TALK, { type: 'hands', hands: [] })).toBe(NO_TALK)
  })

  it('shows the open quiz, else the last one', () => {
    const closed: QuizView = { ...QUIZ, id: 'q0', closed: true }
    const result = { counts: [3, 1], answered: 4 }
    const talk = after(
      { type: 'quiz', quiz: QUIZ },
      { type: 'quiz', quiz: closed },
      { type: 'quiz.result', quiz_id: 'q1', result },
    )
    expect(currentQuiz(talk)).toEqual({ ...QUIZ, result })
    expect(currentQuiz(reduceTalk(talk, { type: 'quiz', quiz: { ...QUIZ, closed: true } }))?.id).toBe('q0')
    expect(currentQuiz(NO_TALK)).toBeNull()
  })
})

describe('a quiz', () => {
  const words = (key: string) => key

  it('names its options', () => {
    expect(optionName(QUIZ, 1, words)).toBe('B. 绿')
    expect(optionName({ kind: 'single', options: ['', ''] }, 1, words)).toBe('B')
    expect(optionName({ kind: 'true_false', options: ['', ''] }, 0, words)).toBe('quiz.true')
  })

  it('leaves out options that were left over', () => {
    expect(askedOptions(['红 ', '', '蓝', ''])).toEqual(['红', '', '蓝'])
    expect(askedOptions(['', '', ''])).toEqual(['', '', ''])
    expect(askedOptions(['红', '', ''])).toEqual(['红', ''])
  })

  it('counts down by the server’s clock', () => {
    expect(secondsLeft({ ...QUIZ, closes_ms: 10_000 }, 4_100)).toBe(6)
    expect(secondsLeft({ ...QUIZ, closes_ms: 10_000 }, 11_000)).toBe(0)
    expect(secondsLeft(QUIZ, 0)).toBeNull()
    expect(secondsLeft({ ...QUIZ, closes_ms: 10_000, closed: true }, 0)).toBeNull()
    expect(minutesText(65)).toBe('1:05')
  })

  it('takes one choice, or several', () => {
    expect(chosenAfter(QUIZ, [0], 1)).toEqual([1])
    const several: QuizView = { ...QUIZ, kind: 'multiple' }
    expect(chosenAfter(several, [1], 0)).toEqual([0, 1])
    expect(chosenAfter(several, [0, 1], 0)).toEqual([1])
  })
})
