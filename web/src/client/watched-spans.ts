/** What of an item a page has played: spans of the item's clock, told to the server now and then. */

/** A player tells where it is four times a second; a greater step is a jump. */
const STEP_S = 1.5
/** Shorter ones are what a seek leaves behind. */
const LEAST_S = 0.3

export class WatchedSpans {
  private spans: [number, number][] = []
  private open: [number, number] | null = null

  /** The player is at this place and plays. speed: a faster one makes greater steps. */
  at(seconds: number, speed = 1): void {
    const step = this.open ? seconds - this.open[1] : 0
    if (this.open && step >= 0 && step <= STEP_S * Math.max(1, speed)) this.open[1] = seconds
    else this.begin(seconds)
  }

  /** It stands still, or jumps. */
  pause(): void {
    this.close()
  }

  /** What was not taken yet. */
  take(): [number, number][] {
    const going = this.open
    this.close()
    if (going) this.open = [going[1], going[1]]
    const taken = this.spans
    this.spans = []
    return taken
  }

  private begin(seconds: number): void {
    this.close()
    this.open = [seconds, seconds]
  }

  private close(): void {
    if (this.open && this.open[1] - this.open[0] >= LEAST_S) this.spans.push(this.open)
    this.open = null
  }
}
