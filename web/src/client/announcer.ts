/**
 * What a change of the lesson is to those who hear the page instead of seeing it: a few words for each thing that a
 * glance would show. Pure: two values of the lesson in, sentences out. Chat speaks for itself (its log is a live
 * region), and so do notices and the words over the picture.
 */

import type { AnnouncementView, ClassView, HandView, StageMemberView } from '@/protocol/messages'
import { ownInvitation, ownOnStage } from '@/floor/floor-state'
import type { LessonState } from './lesson-state'

export interface Sentence {
  text: string
  /** Interrupts what is being read: something is asked of the person, or the lesson is in trouble. */
  urgent: boolean
}

export type Translate = (key: string, values?: Record<string, unknown>) => string

/** More of one kind at once (a class that raises all its hands) are told as their number. */
const TOLD_ONE_BY_ONE = 3

interface Change {
  before: LessonState
  after: LessonState
  t: Translate
}

const polite = (text: string): Sentence => ({ text, urgent: false })
const urgent = (text: string): Sentence => ({ text, urgent: true })

/** Those that were not there before, by what tells them apart. */
function added<T>(before: readonly T[], after: readonly T[], keyOf: (each: T) => string): T[] {
  const known = new Set(before.map(keyOf))
  return after.filter((each) => !known.has(keyOf(each)))
}

function classNamed(lesson: LessonState, id: string | undefined): string {
  return lesson.classes.find((each) => each.id === id)?.name ?? ''
}

function floor({ before, after, t }: Change): Sentence[] {
  const found: Sentence[] = []
  if (before.state !== after.state) found.push(polite(t(`lesson.${after.state}`)))
  const { situation } = after.where.floor
  if (before.where.floor.situation !== situation) {
    const text = t('spoken.now', { situation: t(`floor.situation.${situation}`) })
    found.push(situation === 'take_over' ? urgent(text) : polite(text))
  }
  return found
}

function stage({ before, after, t }: Change): Sentence[] {
  const { me } = after
  const found: Sentence[] = []
  const [old, now] = [before.where.stage, after.where.stage]
  const invitation = ownInvitation(now, me)
  if (invitation && !ownInvitation(old, me)) {
    const text = me.role === 'tutor' ? t('floor.invitedRoom', { name: invitation.name }) : t('floor.invited')
    found.push(urgent(text))
  }
  const nameOf = (each: StageMemberView) => (each.seat ? t('floor.seat', { seat: each.seat }) : each.name)
  for (const each of added(old.members ?? [], now.members ?? [], (member) => member.person)) {
    const name = [classNamed(after, each.class_id), nameOf(each)].filter(Boolean).join(' ')
    found.push(polite(t('floor.onStage', { name })))
  }
  if (ownOnStage(old, me).length > 0 && ownOnStage(now, me).length === 0)
    found.push(polite(t('spoken.offStage')))
  return found
}

/** Of the hands that this person is to look after. */
function hands({ before, after, t }: Change): Sentence[] {
  const { me } = after
  const mine = (hand: HandView) => hand.person === me.id
  const found: Sentence[] = []
  if (me.role === 'student') {
    const [was, is] = [before.hands.some(mine), after.hands.some(mine)]
    if (was !== is) found.push(polite(t(is ? 'hands.raised' : 'spoken.handDown')))
  }
  const looksAfter = (hand: HandView) =>
    !mine(hand) && (me.role === 'master' || (me.role === 'tutor' && hand.class_id === me.class_id))
  const raised = added(before.hands, after.hands, (hand) => hand.id).filter(looksAfter)
  if (raised.length > TOLD_ONE_BY_ONE) return [...found, polite(t('spoken.hands', { count: raised.length }))]
  const names = raised.map((hand) =>
    [classNamed(after, hand.class_id), hand.seat ?? '', hand.seat ? '' : hand.name].filter(Boolean).join(' '),
  )
  return [...found, ...names.map((name) => polite(t('spoken.hand', { name })))]
}

function quizzes({ before, after, t }: Change): Sentence[] {
  return after.talk.quizzes.flatMap((quiz) => {
    const old = before.talk.quizzes.find((each) => each.id === quiz.id)
    if (!old && !quiz.closed)
      return [polite(t('spoken.quiz', { question: quiz.question || t('quiz.onScreen') }))]
    if (old && !old.closed && quiz.closed) return [polite(t('spoken.quizClosed'))]
    return old && !old.shown && quiz.shown ? [polite(t('spoken.quizShown'))] : []
  })
}

function announcements({ before, after, t }: Change): Sentence[] {
  const keyOf = (each: AnnouncementView) => `${each.id} ${each.text ?? ''}`
  return added(before.talk.announcements, after.talk.announcements, keyOf)
    .filter((each) => !each.class_id || each.class_id === after.me.class_id)
    .map((each) =>
      polite(`${t(each.class_id ? 'announce.ofClass' : 'announce.ofLesson')} ${each.text ?? ''}`),
    )
}

function calls({ before, after, t }: Change): Sentence[] {
  const { me } = after
  return after.talk.calls.flatMap((call) => {
    const old = before.talk.calls.find((each) => each.tutor === call.tutor)
    const other = call.tutor === me.id ? call.master : call.tutor
    const name = after.people.find((person) => person.id === other)?.name ?? ''
    if (!old && !call.accepted && call.caller !== me.id) return [urgent(t('voice.rings', { name }))]
    return call.accepted && !old?.accepted ? [polite(t('voice.open', { name }))] : []
  })
}

/** What the wall of classes shows the master. */
function classes({ before, after, t }: Change): Sentence[] {
  if (after.me.role !== 'master') return []
  const stateOf = (each: ClassView) => each.state ?? 'together'
  return after.classes.flatMap((now) => {
    const old = before.classes.find((each) => each.id === now.id)
    if (!old) return []
    const found: Sentence[] = []
    if (old.tutor_online && !now.tutor_online) found.push(polite(t('spoken.tutorGone', { name: now.name })))
    if (stateOf(old) !== stateOf(now)) found.push(polite(`${now.name}: ${t(`floor.state.${stateOf(now)}`)}`))
    return found
  })
}

const TELLERS = [floor, stage, hands, quizzes, announcements, calls, classes]

/** What there is to say of the change; nothing of the first state, which is read from the page. */
export function spoken(before: LessonState | null, after: LessonState, t: Translate): Sentence[] {
  return before ? TELLERS.flatMap((tell) => tell({ before, after, t })) : []
}
