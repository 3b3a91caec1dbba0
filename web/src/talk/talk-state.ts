/** Chat, announcements, quizzes, the private line and order, as this page knows them. Pure, like `lesson-state`. */

import type {
  AnnouncementView,
  ChatView,
  ConductView,
  LessonView,
  QuizView,
  RemovedView,
  ResultView,
  ServerMessage,
  VoiceView,
} from '@/protocol/messages'

export interface Conduct {
  readonly chat: boolean
  readonly hand: boolean
  readonly unmute: boolean
  readonly screen: boolean
  readonly locked: boolean
  readonly chatClosed: boolean
  /** Ids of the classes whose own chat is closed. */
  readonly closedClassChats: readonly string[]
}

export interface TalkState {
  readonly chat: readonly ChatView[]
  readonly conduct: Conduct
  /** The last one for everybody and the last one of each class that the reader sees. */
  readonly announcements: readonly AnnouncementView[]
  /** In the order in which they were opened. */
  readonly quizzes: readonly QuizView[]
  readonly calls: readonly VoiceView[]
  readonly removed: readonly RemovedView[]
}

/** Chat lines kept on the page: a lesson's worth; the recording has them all. */
const CHAT_LIMIT = 500

export function talkOf(lesson: Pick<LessonView, 'chat' | 'conduct' | 'talk'>): TalkState {
  return {
    chat: lesson.chat ?? [],
    conduct: conductOf(lesson.conduct),
    announcements: lesson.talk?.announcements ?? [],
    quizzes: lesson.talk?.quizzes ?? [],
    calls: lesson.talk?.calls ?? [],
    removed: lesson.talk?.removed ?? [],
  }
}

function conductOf(view: ConductView | undefined): Conduct {
  return {
    chat: view?.allow.chat ?? true,
    hand: view?.allow.hand ?? true,
    unmute: view?.allow.unmute ?? true,
    screen: view?.allow.screen ?? false,
    locked: view?.locked ?? false,
    chatClosed: view?.chat_closed ?? false,
    closedClassChats: view?.closed_class_chats ?? [],
  }
}

function withLine(talk: TalkState, line: ChatView): TalkState {
  if (talk.chat.some((old) => old.id === line.id)) return talk
  return { ...talk, chat: [...talk.chat, line].slice(-CHAT_LIMIT) }
}

function withAnnouncement(talk: TalkState, next: AnnouncementView): TalkState {
  const others = talk.announcements.filter((old) => (old.class_id ?? '') !== (next.class_id ?? ''))
  return { ...talk, announcements: next.text ? [...others, next] : others }
}

function withQuiz(talk: TalkState, quiz: QuizView): TalkState {
  const known = talk.quizzes.some((old) => old.id === quiz.id)
  const quizzes = known
    ? talk.quizzes.map((old) => (old.id === quiz.id ? quiz : old))
    : [...talk.quizzes, quiz]
  return { ...talk, quizzes }
}

function withResult(talk: TalkState, id: string, result: ResultView): TalkState {
  return { ...talk, quizzes: talk.quizzes.map((old) => (old.id === id ? { ...old, result } : old)) }
}

/** The same value where the message is about something else. */
export function reduceTalk(talk: TalkState, message: ServerMessage): TalkState {
  switch (message.type) {
    case 'chat':
      return withLine(talk, message.message)
    case 'chat.deleted':
      return { ...talk, chat: talk.chat.filter((line) => line.id !== message.chat_id) }
    case 'announcement':
      return withAnnouncement(talk, message.announcement)
    case 'conduct':
      return { ...talk, conduct: conductOf(message.conduct) }
    case 'quiz':
      return withQuiz(talk, message.quiz)
    case 'quiz.result':
      return withResult(talk, message.quiz_id, message.result)
    case 'voice':
      return { ...talk, calls: message.calls }
    case 'removed':
      return { ...talk, removed: message.people }
    default:
      return talk
  }
}

/** The quiz to show: the open one, else the newest that is still of interest. */
export function currentQuiz(talk: TalkState): QuizView | null {
  return talk.quizzes.find((quiz) => !quiz.closed) ?? talk.quizzes.at(-1) ?? null
}

/** Before the first welcome. */
export const NO_TALK: TalkState = talkOf({})
