/** What people can ask for in talk and order, as messages. False: not sent and not kept. */

import type { AllowSet, ClientMessage, QuizOpen } from '@/protocol/messages'
import { randomId } from '@/client/random-id'
import type { Channel } from './channels'

export type Send = (message: ClientMessage) => boolean

export type NewQuiz = Omit<QuizOpen, 'type'>
export type Allowed = Omit<AllowSet, 'type'>

export function talkActions(send: Send) {
  return {
    /** The id makes a repeated sending one message. */
    say: (text: string, { scope, to }: Pick<Channel, 'scope' | 'to'>) =>
      send({ type: 'chat.send', text, id: randomId(), scope, to }),
    deleteLine: (chat: string) => send({ type: 'chat.delete', chat_id: chat }),
    closeChat: (closed: boolean, classId: string) => send({ type: 'chat.close', closed, class_id: classId }),
    announce: (text: string) => send({ type: 'announce', text }),
    call: (to: string) => send({ type: 'voice.call', to }),
    acceptCall: (person: string) => send({ type: 'voice.accept', person_id: person }),
    endCall: (person: string) => send({ type: 'voice.end', person_id: person }),
    mute: (person: string, source: string) => send({ type: 'moderate.mute', person_id: person, source }),
    stop: (person: string, source: string) => send({ type: 'moderate.stop', person_id: person, source }),
    release: (person: string, source: string) =>
      send({ type: 'moderate.release', person_id: person, source }),
    remove: (person: string) => send({ type: 'moderate.remove', person_id: person }),
    readmit: (person: string) => send({ type: 'moderate.readmit', person_id: person }),
    lock: (locked: boolean) => send({ type: 'lesson.lock', locked }),
    allow: (allowed: Allowed) => send({ type: 'allow', ...allowed }),
    openQuiz: (quiz: NewQuiz) => send({ type: 'quiz.open', ...quiz }),
    answer: (quiz: string, choices: number[]) => send({ type: 'quiz.answer', quiz_id: quiz, choices }),
    tally: (quiz: string, counts: number[], answered: number) =>
      send({ type: 'quiz.tally', quiz_id: quiz, counts, answered }),
    closeQuiz: (quiz: string) => send({ type: 'quiz.close', quiz_id: quiz }),
    showQuiz: (quiz: string, shown: boolean) => send({ type: 'quiz.show', quiz_id: quiz, shown }),
  }
}

export type TalkActions = ReturnType<typeof talkActions>
