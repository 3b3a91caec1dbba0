/** Where everybody is: phase, classes apart, the stage. Pure, like `lesson-state`. */

import type {
  ClassView,
  FloorView,
  HandView,
  InvitationView,
  LessonView,
  PersonView,
  ServerMessage,
  StageMemberView,
  StageView,
} from '@/protocol/messages'
import { rollsOf, withRoll, type Rolls } from './roll'

export interface FloorState {
  readonly floor: FloorView
  readonly stage: StageView
  /** Id of the class into which I look; empty: none. */
  readonly looking: string
  /** Of classes that went online: the token of their join link, by class id. */
  readonly links: Readonly<Record<string, string>>
  /** Roll calls by class id: the own class's of a tutor, numbers of all for who leads. */
  readonly rolls: Rolls
}

export function floorOf(
  { floor, stage, rolls }: Pick<LessonView, 'floor' | 'stage' | 'rolls'>,
  looking = '',
): FloorState {
  return { floor, stage, looking, links: {}, rolls: rollsOf(rolls) }
}

/** The same value where the message is about something else. */
export function reduceFloor(state: FloorState, message: ServerMessage): FloorState {
  switch (message.type) {
    case 'lesson':
      return { ...state, floor: message.floor }
    case 'stage':
      return { ...state, stage: message.stage }
    case 'look':
      return { ...state, looking: message.class_id ?? '' }
    case 'roll':
      return { ...state, rolls: withRoll(state.rolls, message.roll) }
    case 'class.links':
      return { ...state, links: { ...state.links, [message.class_id]: message.token } }
    default:
      return state
  }
}

/** Seconds until the phase's timer ends; below 0: over its time. null: no timer. `elapsedMs`: lesson time. */
export function timerSeconds({ timer }: FloorView, elapsedMs: number): number | null {
  return timer ? Math.ceil((timer.ends_ms - elapsedMs) / 1000) : null
}

/** The members of the stage that I may speak for: myself, of a tutor the own class. */
export function ownOnStage(stage: StageView, me: PersonView): StageMemberView[] {
  return (stage.members ?? []).filter((member) => isOwn(member, me))
}

/** The invitation that I am to answer. */
export function ownInvitation(stage: StageView, me: PersonView): InvitationView | null {
  return (stage.invited ?? []).find((each) => isOwn(each, me)) ?? null
}

function isOwn(each: { person: string; class_id?: string }, me: PersonView): boolean {
  return each.person === me.id || (me.role === 'tutor' && !!me.class_id && each.class_id === me.class_id)
}

/** Whether my class has another tutor now than the one registered, or none that is there: then I may take it over. */
export function mayTakeOver(own: ClassView | undefined, me: PersonView): boolean {
  return me.role === 'tutor' && !!own && own.tutor !== me.id && !own.tutor_online
}

/** The classes that a tutor who stands by may take over, by name. */
export function withoutTutor(classes: readonly ClassView[]): ClassView[] {
  return classes.filter((each) => !each.tutor_online).sort((a, b) => a.name.localeCompare(b.name, 'zh-CN'))
}

/** Who needs the master comes first: no tutor, a bad line, a raised hand, never called, then by name. */
export function byNeed(classes: readonly ClassView[], hands: readonly HandView[]): ClassView[] {
  const need = (entry: ClassView) => {
    if (!entry.tutor_online) return 0
    if (entry.quality === 'poor') return 1
    if (hands.some((hand) => hand.class_id === entry.id)) return 2
    return entry.called ? 4 : 3
  }
  return [...classes].sort(
    (a, b) => need(a) - need(b) || a.name.localeCompare(b.name, 'zh-CN', { numeric: true }),
  )
}
