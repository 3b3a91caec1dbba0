/** A quiz as pages word and count it. Pure. */

import type { QuizView } from '@/protocol/messages'

type Translate = (key: string, values?: Record<string, unknown>) => string

export const MIN_OPTIONS = 2
export const MAX_OPTIONS = 10

/** `A`, `B`, ... */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index)
}

/** What an option is called: true and false by their words, others by letter and text. */
export function optionName(quiz: Pick<QuizView, 'kind' | 'options'>, index: number, t: Translate): string {
  const text = quiz.options[index] ?? ''
  if (quiz.kind === 'true_false' && !text) return t(index === 0 ? 'quiz.true' : 'quiz.false')
  return text ? `${letterOf(index)}. ${text}` : letterOf(index)
}

/** The options as they are asked: where some have words, empty ones at the end were just left over. */
export function askedOptions(options: readonly string[]): string[] {
  const words = options.map((option) => option.trim())
  const last = words.findLastIndex((word) => word !== '')
  return last < 0 ? words : words.slice(0, Math.max(last + 1, MIN_OPTIONS))
}

/** Seconds left by the server's clock; null: no timer, or over. */
export function secondsLeft(quiz: QuizView, serverMs: number): number | null {
  if (quiz.closed || !quiz.closes_ms) return null
  return Math.max(0, Math.ceil((quiz.closes_ms - serverMs) / 1000))
}

/** The choice after a press on `index`: of `multiple` it is added or taken away, else it takes the place of the last one. */
export function chosenAfter(quiz: QuizView, chosen: readonly number[], index: number): number[] {
  if (quiz.kind !== 'multiple') return [index]
  return chosen.includes(index)
    ? chosen.filter((each) => each !== index)
    : [...chosen, index].sort((a, b) => a - b)
}

/** How many pupils of a class are in the tally that the server has of it. */
export function tallied(quiz: Pick<QuizView, 'result'>, classId: string): number {
  return quiz.result?.classes?.find((each) => (each.class_id ?? '') === classId)?.tallied ?? 0
}
