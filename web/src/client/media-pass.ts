/**
 * The right to an item's media, as long as its player is open: a token of a few minutes, asked for again long before it
 * ends. That is also how the page learns that the right was taken away: minutes of the recording may lie in its buffer,
 * and would be played to their end.
 */

import { ProblemError, type Problem } from './problem'
import type { Cancel, Timers } from './timers'

/** The server looks at a right again every 20 s; with this it ends within a minute. */
const RENEW_MS = 30_000

/** Without an answer: sooner, as long as the token lasts. */
const RETRY_MS = 5_000

/** What a script sends with a request for media. */
export type MediaHeaders = Readonly<Record<string, string>>

export class MediaPass {
  private token = ''
  private closed = false
  private cancel: Cancel = () => undefined

  /** `ask`: for a new token; `refused`: there is no right any more, said once. */
  constructor(
    private readonly ask: () => Promise<string>,
    private readonly refused: (problem: Problem) => void,
    private readonly timers: Timers,
  ) {}

  /** The first token. Raises ProblemError. */
  async open(): Promise<void> {
    this.token = await this.ask()
    this.renewIn(RENEW_MS)
  }

  get headers(): MediaHeaders {
    return { Authorization: `Bearer ${this.token}` }
  }

  /** A new token now; whether the right is still there. A server that does not answer has taken nothing away. */
  async renew(): Promise<boolean> {
    if (this.closed) return false
    this.cancel()
    try {
      this.token = await this.ask()
      this.renewIn(RENEW_MS)
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status >= 500) this.renewIn(RETRY_MS)
      else this.end(error.problem)
    }
    return !this.closed
  }

  close(): void {
    this.closed = true
    this.cancel()
  }

  private end(problem: Problem): void {
    if (this.closed) return
    this.close()
    this.refused(problem)
  }

  private renewIn(delayMs: number): void {
    this.cancel()
    if (!this.closed) this.cancel = this.timers.after(delayMs, () => void this.renew())
  }
}
