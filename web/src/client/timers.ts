/** The clock and timers that the core uses; tests give their own. */

export interface Timers {
  /** Milliseconds, growing evenly. */
  now(): number
  after(delayMs: number, action: () => void): Cancel
}

export type Cancel = () => void

export const browserTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, action) {
    const id = setTimeout(action, delayMs)
    return () => {
      clearTimeout(id)
    }
  },
}
