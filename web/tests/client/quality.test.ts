import { describe, expect, it } from 'vitest'
import { agreed, frozenBetween, readReport, verdictBetween, worst, type Verdict } from '@/client/quality'
import en from '@/locales/en.json'
import { reduce } from '@/client/lesson-state'
import { welcome } from '../examples'

const NONE = { received: 0, lost: 0, roundTrip: 0, remoteLoss: 0, frozen: 0 }
const GOOD: Verdict = { level: 'good', reason: '' }
const SLOW: Verdict = { level: 'fair', reason: 'delay' }
const LOSSY: Verdict = { level: 'poor', reason: 'loss_down' }

describe('the line as the page sees it', () => {
  it('is read from the reports', () => {
    const reading = readReport([
      { type: 'inbound-rtp', packetsReceived: 90, packetsLost: 10, totalFreezesDuration: 1.5 },
      { type: 'inbound-rtp', packetsReceived: 10, packetsLost: -1, totalFreezesDuration: 0.5 },
      { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.1 },
      { type: 'candidate-pair', nominated: false, currentRoundTripTime: 3 },
      { type: 'remote-inbound-rtp', fractionLost: 0.03 },
    ])
    expect(reading).toEqual({ received: 100, lost: 10, roundTrip: 0.1, remoteLoss: 0.03, frozen: 1.5 })
  })

  it.each([
    ['good', '', { ...NONE, received: 1000, lost: 10 }],
    ['fair', 'loss_down', { ...NONE, received: 950, lost: 50 }],
    ['poor', 'loss_down', { ...NONE, received: 850, lost: 150 }],
    ['fair', 'delay', { ...NONE, roundTrip: 0.3 }],
    ['poor', 'delay', { ...NONE, roundTrip: 0.7 }],
    ['poor', 'loss_up', { ...NONE, remoteLoss: 0.1 }],
    ['good', '', { ...NONE, frozen: 0.4 }],
    ['fair', 'frozen', { ...NONE, frozen: 0.5 }],
    ['poor', 'frozen', { ...NONE, frozen: 2, remoteLoss: 0.03 }],
  ] as const)('is %s (%s)', (level, reason, reading) => {
    expect(verdictBetween(NONE, reading)).toEqual({ level, reason })
  })

  it('is as good as its worse half', () => {
    expect(worst([GOOD, LOSSY, SLOW])).toBe(LOSSY)
    expect(worst([])).toEqual(GOOD)
  })

  it('stood still only forwards', () => {
    expect(frozenBetween(NONE, { ...NONE, frozen: 1.2345 })).toBe(1235)
    expect(frozenBetween({ ...NONE, frozen: 3 }, NONE)).toBe(0)
  })
})

describe('what is shown', () => {
  it('is what the server says, once it has said something', () => {
    expect(agreed(null, null)).toBeNull()
    expect(agreed(null, SLOW)).toBe(SLOW)
    expect(agreed(GOOD, LOSSY)).toBe(GOOD)
  })

  it('stays over a resume and is asked anew in a new session', () => {
    const before = reduce(null, welcome(), 0)
    expect(before?.quality).toBeNull()
    const told = reduce(before, { type: 'quality', level: 'fair', reason: 'bandwidth' }, 0)
    expect(told?.quality).toEqual({ level: 'fair', reason: 'bandwidth' })
    expect(reduce(told, { type: 'quality', level: 'good' }, 0)?.quality).toEqual(GOOD)
    expect(reduce(told, welcome({ resumed: true }), 0)?.quality?.reason).toBe('bandwidth')
    expect(reduce(told, welcome(), 0)?.quality).toBeNull()
  })

  it('has words for every reason', () => {
    const reasons: Record<Exclude<Verdict['reason'], ''>, string> = en.quality.reason
    expect(Object.values(reasons).every(Boolean)).toBe(true)
  })
})
