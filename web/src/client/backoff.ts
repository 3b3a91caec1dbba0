/** How long to wait before the next attempt to connect. */

/** First wait: a socket dropped by a proxy is usually back at once. */
const FIRST_MS = 300
/** Longest wait: a class that waits for its lesson looks at the clock; a server that restarts is not flooded. */
const LONGEST_MS = 8_000

/**
 * Doubles from attempt to attempt (0, 1, 2, ...), with the upper half at random, so that a whole school does not
 * come back in the same instant. `random` is in [0, 1).
 */
export function waitBefore(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return full / 2 + (full / 2) * random
}
