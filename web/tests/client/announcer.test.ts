import { describe, expect, it } from 'vitest'
import { spoken } from '@/client/announcer'
import { fromWelcome, type LessonState } from '@/client/lesson-state'
import { FLOOR, MASTER, STUDENT, TUTOR, welcome } from '../examples'

/** The key and what it is filled with. */
const t = (key: string, values: Record<string, unknown> = {}) =>
  [key, ...Object.values(values).map(String)].join(' ')

const of = (me: LessonState['me']) => fromWelcome(welcome({ me }), 0)
const said = (before: LessonState | null, after: LessonState) =>
  spoken(before, after, t).map((each) => (each.urgent ? `! ${each.text}` : each.text))

const HAND = { id: 'h1', person: 's1', name: '小明', class_id: 'c1', raised_ms: 0 }
const QUIZ = { id: 'q1', kind: 'single', question: '谁在中间？', options: ['', ''], opened_ms: 0 }

describe('what is spoken', () => {
  it('is nothing of the first state, nor where nothing changed', () => {
    const lesson = of(STUDENT)
    expect(said(null, lesson)).toEqual([])
    expect(said(lesson, { ...lesson })).toEqual([])
  })

  it('is the phase, and at once that the class goes on by itself', () => {
    const lesson = of(STUDENT)
    const at = (situation: 'local_qa' | 'take_over') => ({
      ...lesson,
      where: { ...lesson.where, floor: { ...FLOOR, situation } },
    })
    expect(said(lesson, at('local_qa'))).toEqual(['spoken.now floor.situation.local_qa'])
    expect(said(lesson, at('take_over'))).toEqual(['! spoken.now floor.situation.take_over'])
  })

  it('is the beginning of the lesson', () => {
    const lesson = of(STUDENT)
    expect(said({ ...lesson, state: 'open' }, lesson)).toEqual(['lesson.live'])
  })

  it('is an invitation at once, to whom it is for', () => {
    const on = (lesson: LessonState) => ({
      ...lesson,
      where: { ...lesson.where, stage: { invited: [{ person: 's1', name: '小明', class_id: 'c1' }] } },
    })
    const [student, tutor, master] = [of(STUDENT), of(TUTOR), of(MASTER)]
    expect(said(student, on(student) as unknown as LessonState)).toEqual(['! floor.invited'])
    expect(said(tutor, on(tutor) as unknown as LessonState)).toEqual(['! floor.invitedRoom 小明'])
    expect(said(master, on(master) as unknown as LessonState)).toEqual([])
  })

  it('is who comes on stage, and that one is off it', () => {
    const lesson = of(STUDENT)
    const stage = { members: [{ person: 's1', name: '小明', class_id: 'c1' }] }
    const up = { ...lesson, where: { ...lesson.where, stage } } as unknown as LessonState
    expect(said(lesson, up)).toEqual(['floor.onStage 1班 小明'])
    expect(said(up, lesson)).toEqual(['spoken.offStage'])
  })

  it('is a hand, to those who look after it, and the own one', () => {
    const raised = (lesson: LessonState) => ({ ...lesson, hands: [HAND] })
    const [student, tutor, master] = [of(STUDENT), of(TUTOR), of(MASTER)]
    expect(said(master, raised(master))).toEqual(['spoken.hand 1班 小明'])
    expect(said(tutor, raised(tutor))).toEqual(['spoken.hand 1班 小明'])
    expect(
      said(
        { ...tutor, me: { ...TUTOR, class_id: 'c2' } },
        { ...raised(tutor), me: { ...TUTOR, class_id: 'c2' } },
      ),
    ).toEqual([])
    expect(said(student, raised(student))).toEqual(['hands.raised'])
    expect(said(raised(student), student)).toEqual(['spoken.handDown'])
  })

  it('is a number where many hands go up at once', () => {
    const master = of(MASTER)
    const hands = Array.from({ length: 12 }, (_, index) => ({ ...HAND, id: `h${String(index)}` }))
    expect(said(master, { ...master, hands })).toEqual(['spoken.hands 12'])
  })

  it('is a quiz that opens, closes and is shown', () => {
    const lesson = of(STUDENT)
    const having = (changes: object) =>
      ({ ...lesson, talk: { ...lesson.talk, quizzes: [{ ...QUIZ, ...changes }] } }) as unknown as LessonState
    expect(said(lesson, having({}))).toEqual(['spoken.quiz 谁在中间？'])
    expect(said(lesson, having({ question: '' }))).toEqual(['spoken.quiz quiz.onScreen'])
    expect(said(having({}), having({ closed: true }))).toEqual(['spoken.quizClosed'])
    expect(said(having({ closed: true }), having({ closed: true, shown: true }))).toEqual([
      'spoken.quizShown',
    ])
  })

  it('is an announcement to everybody or to the own class', () => {
    const lesson = of(STUDENT)
    const having = (class_id: string) =>
      ({
        ...lesson,
        talk: { ...lesson.talk, announcements: [{ id: 'a', text: '请带尺子', class_id, at_ms: 0 }] },
      }) as unknown as LessonState
    expect(said(lesson, having(''))).toEqual(['announce.ofLesson 请带尺子'])
    expect(said(lesson, having('c1'))).toEqual(['announce.ofClass 请带尺子'])
    expect(said(lesson, having('c2'))).toEqual([])
  })

  it('is a call that rings, at once, and one that is taken', () => {
    const master = of(MASTER)
    const call = { tutor: 't1', master: 'm', caller: 't1', class_id: 'c1', since_ms: 0 }
    const having = (accepted: boolean) => ({
      ...master,
      talk: { ...master.talk, calls: [{ ...call, accepted }] },
    })
    expect(said(master, having(false))).toEqual(['! voice.rings 李老师'])
    expect(said(having(false), having(true))).toEqual(['voice.open 李老师'])
    const tutor = of(TUTOR)
    expect(said(tutor, { ...tutor, talk: having(false).talk })).toEqual([])
  })

  it('is, to the master, a class that loses its tutor or goes apart', () => {
    const master = of(MASTER)
    const having = (changes: object) => ({
      ...master,
      classes: master.classes.map((each) => ({ ...each, ...changes })),
    })
    expect(said(master, having({ tutor_online: false }))).toEqual(['spoken.tutorGone 1班'])
    expect(said(master, having({ state: 'local_qa' }))).toEqual(['1班: floor.state.local_qa'])
    const student = of(STUDENT)
    expect(said(student, { ...student, classes: having({ state: 'local_qa' }).classes })).toEqual([])
  })
})
