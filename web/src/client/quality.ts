/**
 * The lines in one word, and why they are no better. What is shown is the server's verdict: it looks every second, has
 * patience, knows what it withheld, and is what the master's wall and the record say too. What only the page can see,
 * pictures standing still, is reported to it (`quality.report`). Until the server has spoken the page judges by itself,
 * from two successive readings of a peer connection's statistics and by the same limits.
 */

import type { QualityChanged } from '@/protocol/messages'

export type Quality = QualityChanged['level']
export type Reason = NonNullable<QualityChanged['reason']>

export interface Verdict {
  readonly level: Quality
  readonly reason: Reason
}

/** Counters since the connection began, and the round trip now. */
export interface Reading {
  received: number
  lost: number
  /** s; 0 when unknown. */
  roundTrip: number
  /** Part of what we sent that did not arrive, 0..1, as the other side reports it. */
  remoteLoss: number
  /** s that pictures stood still, of the one that did for longest. */
  frozen: number
}

/** Of RTCStats only what is read; the reports are plain maps to TypeScript. */
interface Report {
  type: string
  packetsReceived?: number
  packetsLost?: number
  totalFreezesDuration?: number
  nominated?: boolean
  currentRoundTripTime?: number
  fractionLost?: number
}

const RANK = { good: 0, fair: 1, poor: 2 }
const GOOD: Verdict = { level: 'good', reason: '' }
/** From here on fair, and poor; as in the server's sfu/quality.py. */
const LOSS = [0.02, 0.08] as const
const ROUND_TRIP_S = [0.25, 0.6] as const
const FROZEN_S = [0.5, 2] as const

export function readReport(reports: Iterable<Report>): Reading {
  const reading: Reading = { received: 0, lost: 0, roundTrip: 0, remoteLoss: 0, frozen: 0 }
  for (const report of reports) {
    if (report.type === 'inbound-rtp') {
      reading.received += report.packetsReceived ?? 0
      reading.lost += Math.max(0, report.packetsLost ?? 0)
      reading.frozen = Math.max(reading.frozen, report.totalFreezesDuration ?? 0)
    } else if (report.type === 'candidate-pair' && report.nominated) {
      reading.roundTrip = Math.max(reading.roundTrip, report.currentRoundTripTime ?? 0)
    } else if (report.type === 'remote-inbound-rtp') {
      reading.remoteLoss = Math.max(reading.remoteLoss, report.fractionLost ?? 0)
    }
  }
  return reading
}

function against(value: number, [fair, poor]: readonly [number, number], reason: Reason): Verdict {
  if (value < fair) return GOOD
  return { level: value >= poor ? 'poor' : 'fair', reason }
}

/** ms that pictures stood still between two readings. */
export function frozenBetween(before: Reading, after: Reading): number {
  return Math.round(1000 * Math.max(0, after.frozen - before.frozen))
}

/** What the page itself makes of two readings. */
export function verdictBetween(before: Reading, after: Reading): Verdict {
  const received = Math.max(0, after.received - before.received)
  const lost = Math.max(0, after.lost - before.lost)
  return worst([
    against(received + lost ? lost / (received + lost) : 0, LOSS, 'loss_down'),
    against(after.remoteLoss, LOSS, 'loss_up'),
    against(after.roundTrip, ROUND_TRIP_S, 'delay'),
    against(frozenBetween(before, after) / 1000, FROZEN_S, 'frozen'),
  ])
}

/** The first of the worst; good when there is none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((found, each) => (RANK[each.level] > RANK[found.level] ? each : found), GOOD)
}

/** The one place where both meet. */
export function agreed(server: Verdict | null, own: Verdict | null): Verdict | null {
  return server ?? own
}
