/** What people can ask of the floor, as messages. False: not sent and not kept. */

import type { LessonSettingsChange, Mark, Phase, PupilView } from '@/protocol/messages'
import type { Send } from '@/talk/actions'

export type Settings = Omit<LessonSettingsChange, 'type'>

export function floorActions(send: Send) {
  return {
    phase: (phase: Phase, seconds: number) => send({ type: 'phase.set', phase, seconds }),
    leave: (classId: string) => send({ type: 'phase.class', class_id: classId, phase: 'local_qa' }),
    comeBack: (classId: string, catchUp: boolean) =>
      send({ type: 'phase.class', class_id: classId, phase: null, catch_up: catchUp }),
    lookIn: (classId: string) => send({ type: 'look.in', class_id: classId || null }),
    resume: () => send({ type: 'lesson.resume' }),
    settings: (settings: Settings) => send({ type: 'lesson.settings', ...settings }),
    takeOver: (classId: string) => send({ type: 'class.tutor', class_id: classId }),
    goOnline: (classId: string) => send({ type: 'class.online', class_id: classId }),
    allHandsDown: () => send({ type: 'hand.all_down' }),
    inviteHand: (hand: string) => send({ type: 'stage.invite', hand_id: hand }),
    invite: (person: string) => send({ type: 'stage.invite', person_id: person }),
    accept: () => send({ type: 'stage.accept' }),
    decline: (person: string) => send({ type: 'stage.decline', person_id: person }),
    stepDown: (person: string) => send({ type: 'stage.leave', person_id: person }),
    markSeats: (mark: Mark | null, seats: string[]) => send({ type: 'roll.mark', mark, seats }),
    markPeople: (mark: Mark | null, people: string[]) => send({ type: 'roll.mark', mark, people }),
    markRest: (mark: Mark) => send({ type: 'roll.mark', mark, rest: true }),
    register: (pupils: PupilView[]) => send({ type: 'roll.register', pupils }),
    /** Never kept: where somebody pointed a moment ago is of no use. */
    point: (person: string, source: string, x: number, y: number) =>
      send({ type: 'pointer.move', person, source, x, y }),
    spotlight: (person: string) => send({ type: 'stage.spotlight', person_id: person || null }),
  }
}

export type FloorActions = ReturnType<typeof floorActions>
