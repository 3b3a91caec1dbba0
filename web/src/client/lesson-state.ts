/**
 * What this page knows of the lesson: a value, made by `welcome` and changed by each message. Pure: a message in, a
 * new value out; whatever did not change keeps its identity.
 */

import type {
  ClassView,
  HandView,
  LessonChanged,
  LessonState as State,
  PersonView,
  Phase,
  RosterChanged,
  ServerMessage,
  Welcome,
} from '@/protocol/messages'
import { floorOf, reduceFloor, type FloorState } from '@/floor/floor-state'
import { reduceTalk, talkOf, type TalkState } from '@/talk/talk-state'
import type { Verdict } from './quality'

export type Recording = LessonChanged['recording']

export interface LessonState {
  readonly me: PersonView
  readonly id: string
  readonly title: string
  readonly state: State
  /** Of a cancelled lesson: why, where anything was said. */
  readonly reason: string
  readonly phase: Phase
  readonly recorded: boolean
  readonly recording: Recording
  /** Unix time in ms by the server's clock; 0 before the lesson is live. */
  readonly startedMs: number
  /** The server's clock minus this machine's, ms. */
  readonly clockOffsetMs: number
  readonly mayPublish: readonly string[]
  readonly classes: readonly ClassView[]
  readonly people: readonly PersonView[]
  readonly hands: readonly HandView[]
  readonly where: FloorState
  readonly talk: TalkState
  /** What the server says of our lines; null: nothing yet. */
  readonly quality: Verdict | null
  /** Ids of the people who speak now. */
  readonly speaking: readonly string[]
}

/** The lesson as `welcome` tells it. `nowMs` is this machine's Unix time. */
export function fromWelcome(welcome: Welcome, nowMs: number): LessonState {
  const { lesson } = welcome
  return {
    me: welcome.me,
    id: lesson.id,
    title: lesson.title,
    state: lesson.state,
    reason: '',
    phase: lesson.phase,
    recorded: lesson.recorded ?? true,
    recording: lesson.recording ?? 'off',
    startedMs: lesson.started_ms ?? 0,
    clockOffsetMs: welcome.server_ms ? welcome.server_ms - nowMs : 0,
    mayPublish: welcome.may_publish ?? [],
    classes: lesson.classes ?? [],
    people: lesson.people ?? [],
    hands: lesson.hands ?? [],
    where: floorOf(lesson, welcome.me.looks_in),
    talk: talkOf(lesson),
    quality: null,
    speaking: [],
  }
}

/** The lesson after a resume: the lists of that welcome are left empty, ours stay valid. */
function afterResume(lesson: LessonState, welcome: Welcome, nowMs: number): LessonState {
  const { classes, people, hands, where, talk, speaking, quality } = lesson
  return { ...fromWelcome(welcome, nowMs), classes, people, hands, where, talk, speaking, quality }
}

/** Entries replaced by id, in place; new ones at the end; those in `gone` left out. */
function merge<T extends { id: string }>(
  old: readonly T[],
  changed: readonly T[],
  gone: readonly string[] = [],
): readonly T[] {
  if (changed.length === 0 && gone.length === 0) return old
  const left = new Map(old.map((entry) => [entry.id, entry]))
  for (const entry of changed) left.set(entry.id, entry)
  for (const id of gone) left.delete(id)
  return [...left.values()]
}

function withRoster(lesson: LessonState, roster: RosterChanged): LessonState {
  const people = merge(lesson.people, roster.people ?? [], roster.gone)
  return {
    ...lesson,
    people,
    classes: merge(without(lesson.classes, roster.classes_gone), roster.classes ?? []),
    me: people.find((person) => person.id === lesson.me.id) ?? lesson.me,
  }
}

function without<T extends { id: string }>(old: readonly T[], gone: readonly string[] = []): readonly T[] {
  return gone.length ? old.filter((entry) => !gone.includes(entry.id)) : old
}

function withParts(lesson: LessonState, message: ServerMessage): LessonState {
  const talk = reduceTalk(lesson.talk, message)
  const where = reduceFloor(lesson.where, message)
  return talk === lesson.talk && where === lesson.where ? lesson : { ...lesson, talk, where }
}

function withChange(lesson: LessonState, change: LessonChanged): LessonState {
  return {
    ...lesson,
    state: change.state,
    reason: change.reason ?? '',
    phase: change.phase,
    recording: change.recording,
    startedMs: change.started_ms ?? 0,
    mayPublish: change.may_publish ?? [],
  }
}

/** The lesson after one message; null before the first welcome. */
export function reduce(
  lesson: LessonState | null,
  message: ServerMessage,
  nowMs: number,
): LessonState | null {
  if (message.type === 'welcome') {
    return lesson && message.resumed ? afterResume(lesson, message, nowMs) : fromWelcome(message, nowMs)
  }
  if (!lesson) return null
  switch (message.type) {
    case 'lesson':
      return withParts(withChange(lesson, message), message)
    case 'roster':
      return withRoster(lesson, message)
    case 'hands':
      return { ...lesson, hands: message.hands }
    case 'speakers':
      return { ...lesson, speaking: message.people }
    case 'quality':
      return { ...lesson, quality: { level: message.level, reason: message.reason ?? '' } }
    default:
      return withParts(lesson, message)
  }
}

/** ms since the lesson went live, 0 before. */
export function elapsedMs(lesson: LessonState, nowMs: number): number {
  return lesson.startedMs ? Math.max(0, nowMs + lesson.clockOffsetMs - lesson.startedMs) : 0
}

/** `00:05:09`. */
export function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

/** `1:05`: of what counts down. */
export function minutesText(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
