/**
 * When neither UDP nor TCP media gets through, the page plays the lesson from its live playlist, over plain HTTP. This
 * is the decision alone: how long nothing may come before, and how long it must come again behind.
 */

import type { MediaState } from './media-state'
import type { Cancel, Timers } from './timers'

/**
 * UDP and TCP are tried at the same time, and a line that carries them stands within a second, 500 joins at once within
 * two. They go on being tried behind the playlist: who is slow and not blocked loses nothing by watching meanwhile.
 */
export const GIVE_UP_MS = 6_000

/** A line that is up so long is believed. */
export const BELIEVE_MS = 2_000

export class Fallback {
  /** Whether the lesson is to be played from its playlist. */
  active = false

  private up: boolean | null = null
  private cancel: Cancel = () => undefined

  constructor(
    private readonly timers: Timers,
    private readonly changed: (active: boolean) => void,
  ) {}

  /** `expected`: the lesson is live and the socket is up, so media should come. */
  observe(receiving: MediaState, expected: boolean): void {
    const up = receiving === 'connected' || !expected
    if (up === this.up) return
    this.up = up
    this.cancel()
    const wrong = up === this.active
    if (!wrong) return
    this.cancel = this.timers.after(up ? BELIEVE_MS : GIVE_UP_MS, () => {
      this.set(!up)
    })
  }

  close(): void {
    this.cancel()
  }

  private set(active: boolean): void {
    if (active === this.active) return
    this.active = active
    this.changed(active)
  }
}
