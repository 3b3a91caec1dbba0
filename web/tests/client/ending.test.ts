import { describe, expect, it } from 'vitest'
import { endingWords } from '@/client/ending'
import { fromWelcome, reduce } from '@/client/lesson-state'
import { FLOOR, welcome } from '../examples'

const NOW = 2_000_000
const BEGAN = fromWelcome(welcome(), NOW)
const ENDED = { kind: 'bye', bye: { type: 'bye', reason: 'ended' } } as const

function after(state: 'ended' | 'cancelled', reason?: string) {
  return reduce(
    BEGAN,
    { type: 'lesson', state, phase: 'lecture', recording: 'off', reason, floor: FLOOR },
    NOW,
  )
}

describe('who is out of a lesson', () => {
  it('hears why it was cancelled', () => {
    const words = { key: 'cancelled', reason: '雾霾红色预警', again: false }
    expect(endingWords(ENDED, after('cancelled', '雾霾红色预警'))).toEqual(words)
    expect(endingWords(ENDED, after('cancelled'))).toEqual({ ...words, reason: '' })
  })

  it('hears of the end of one that was given', () => {
    expect(endingWords(ENDED, after('ended'))).toEqual({ key: 'ended', reason: '', again: false })
    expect(endingWords(ENDED, null)).toEqual({ key: 'ended', reason: '', again: false })
  })

  it('may come again where only their own place is gone', () => {
    const replaced = { kind: 'bye', bye: { type: 'bye', reason: 'replaced' } } as const
    expect(endingWords(replaced, after('cancelled', '雾霾'))).toMatchObject({ key: 'replaced', again: true })
    expect(endingWords({ kind: 'left' }, BEGAN)).toMatchObject({ key: 'left', again: true })
  })
})
