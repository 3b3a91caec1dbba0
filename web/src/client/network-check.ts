/** The verdict on the network before the lesson: how long the server takes to answer. */

import type { Quality } from './quality'

/** Enough for a middle value that one lost packet does not spoil, little enough for a person who waits. */
const PROBES = 5

export interface NetworkVerdict {
  quality: Quality
  /** Median time of one round trip, ms; null when the server did not answer. */
  roundTripMs: number | null
}

export function verdictOf(roundTrips: readonly number[]): NetworkVerdict {
  if (roundTrips.length < PROBES / 2) return { quality: 'poor', roundTripMs: null }
  const sorted = [...roundTrips].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  const lossy = roundTrips.length < PROBES
  const quality = median > 400 ? 'poor' : median > 150 || lossy ? 'fair' : 'good'
  return { quality, roundTripMs: Math.round(median) }
}

/** `probe` is one round trip to the server; it rejects when there was no answer. */
export async function checkNetwork(
  probe: () => Promise<unknown>,
  now: () => number,
): Promise<NetworkVerdict> {
  const roundTrips: number[] = []
  for (let count = 0; count < PROBES; count += 1) {
    const start = now()
    try {
      await probe()
      roundTrips.push(now() - start)
    } catch {
      // Counted by its absence.
    }
  }
  return verdictOf(roundTrips)
}

export function probeServer(): Promise<unknown> {
  return fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(3_000) })
}
