/** The line's quality in one word, from two successive readings of a peer connection's statistics. */

export type Quality = 'good' | 'fair' | 'poor'

/** Counters since the connection began, and the round trip now. */
export interface Reading {
  received: number
  lost: number
  /** s; 0 when unknown. */
  roundTrip: number
  /** Part of the packets we sent that did not arrive, 0..1, as the other side reports it. */
  remoteLoss: number
}

/** Of RTCStats only what is read; the reports are plain maps to TypeScript. */
interface Report {
  type: string
  packetsReceived?: number
  packetsLost?: number
  nominated?: boolean
  currentRoundTripTime?: number
  fractionLost?: number
}

export function readReport(reports: Iterable<Report>): Reading {
  const reading: Reading = { received: 0, lost: 0, roundTrip: 0, remoteLoss: 0 }
  for (const report of reports) {
    if (report.type === 'inbound-rtp') {
      reading.received += report.packetsReceived ?? 0
      reading.lost += Math.max(0, report.packetsLost ?? 0)
    } else if (report.type === 'candidate-pair' && report.nominated) {
      reading.roundTrip = Math.max(reading.roundTrip, report.currentRoundTripTime ?? 0)
    } else if (report.type === 'remote-inbound-rtp') {
      reading.remoteLoss = Math.max(reading.remoteLoss, report.fractionLost ?? 0)
    }
  }
  return reading
}

/** Loss that retransmission hides is fair; above it the ear notices. */
export function qualityBetween(before: Reading, after: Reading): Quality {
  const received = Math.max(0, after.received - before.received)
  const lost = Math.max(0, after.lost - before.lost)
  const loss = Math.max(received + lost ? lost / (received + lost) : 0, after.remoteLoss)
  if (loss > 0.08 || after.roundTrip > 0.6) return 'poor'
  if (loss > 0.02 || after.roundTrip > 0.25) return 'fair'
  return 'good'
}

export function worst(qualities: readonly Quality[]): Quality {
  if (qualities.includes('poor')) return 'poor'
  return qualities.includes('fair') ? 'fair' : 'good'
}
