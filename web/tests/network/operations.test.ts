import { describe, expect, it } from 'vitest'
import { fromInput, localInput, timeLeft, tomorrow, type Operation } from '@/network/operations'

const operation = (undoUntilMs: number, undoneMs: number | null = null) =>
  ({ undo_until_ms: undoUntilMs, undone_ms: undoneMs }) as Operation

describe('the time that is left to undo', () => {
  it('is counted in minutes and seconds', () => {
    expect(timeLeft(operation(600_000), 0)).toBe('10:00')
    expect(timeLeft(operation(600_000), 54_001)).toBe('9:06')
    expect(timeLeft(operation(600_000), 599_999)).toBe('0:01')
  })

  it('is none when it is over, or undone', () => {
    expect(timeLeft(operation(600_000), 600_000)).toBe('')
    expect(timeLeft(operation(600_000, 1), 0)).toBe('')
  })
})

describe('fields of time', () => {
  it('hold what they were given, to the minute', () => {
    const at = new Date(2026, 10, 23, 9, 5).getTime()
    expect(localInput(at)).toBe('2026-11-23T09:05')
    expect(fromInput(localInput(at))).toBe(at)
    expect(fromInput('')).toBeNaN()
  })

  it('begin with the whole of tomorrow', () => {
    expect(tomorrow(new Date(2026, 11, 31, 15).getTime())).toEqual(['2027-01-01T00:00', '2027-01-02T00:00'])
  })
})
