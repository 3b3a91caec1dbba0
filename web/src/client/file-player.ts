/**
 * Plays an item as the one file that can also be downloaded, where Media Source Extensions do not know its codec (VP8
 * in MP4) or the browser has none. Of a lesson that goes on the file holds what there was a moment ago: at its end it is
 * fetched anew, and playing goes on where it was.
 */

import type { Angle, ItemPlayer, PlayerEvents } from './player'
import type { Cancel, Timers } from './timers'

/** Between two looks for more of a live item; the server makes its file anew every 20 s. */
const LOOK_AGAIN_MS = 5_000

/** A file is live as long as this much of it is left at most: half of the time between two files, and a segment. */
const LIVE_MARGIN_S = 15

const ONLY_ANGLE: Angle = { index: 0, name: '', track: '' }

/** The part of a video element that is used. */
export type FileVideo = Pick<
  HTMLVideoElement,
  | 'src'
  | 'currentTime'
  | 'duration'
  | 'play'
  | 'load'
  | 'removeAttribute'
  | 'addEventListener'
  | 'removeEventListener'
>

export class FilePlayer implements ItemPlayer {
  /** Where to go on once the file's length is known. */
  private resumeAt = 0
  private versions = 0
  private cancelLook: Cancel = () => undefined

  constructor(
    private readonly video: FileVideo,
    private readonly url: string,
    private readonly live: () => boolean,
    private readonly events: PlayerEvents,
    private readonly timers: Timers,
  ) {
    video.addEventListener('loadedmetadata', this.loaded)
    video.addEventListener('ended', this.ended)
    video.addEventListener('error', this.failed)
    this.fetch(0)
  }

  chooseAngle(): void {
    // One file, one picture.
  }

  behindLive(): number | null {
    if (!this.live()) return null
    const behind = this.video.duration - this.video.currentTime
    return behind > LIVE_MARGIN_S ? behind : 0
  }

  toLive(): void {
    this.fetch(Infinity)
  }

  renew(): void {
    // The next file has what there is then.
  }

  close(): void {
    this.cancelLook()
    this.video.removeEventListener('loadedmetadata', this.loaded)
    this.video.removeEventListener('ended', this.ended)
    this.video.removeEventListener('error', this.failed)
    this.video.removeAttribute('src')
    this.video.load()
  }

  private fetch(resumeAt: number): void {
    this.cancelLook()
    this.resumeAt = resumeAt
    this.versions += 1
    // The version tells the browser that what it has of an earlier file is of no use.
    this.video.src = this.live() ? `${this.url}?version=${String(this.versions)}` : this.url
  }

  private readonly loaded = (): void => {
    this.events.onAngles([ONLY_ANGLE], 0)
    if (this.resumeAt > 0) {
      this.video.currentTime = Math.max(0, Math.min(this.resumeAt, this.video.duration - 1))
      // A browser that wants a click first shows its own play button.
      this.video.play().catch(() => undefined)
    }
  }

  private readonly ended = (): void => {
    if (!this.live()) return
    const { currentTime } = this.video
    this.cancelLook = this.timers.after(LOOK_AGAIN_MS, () => {
      this.fetch(currentTime)
    })
  }

  private readonly failed = (): void => {
    this.events.onFailure(0)
  }
}
