/**
 * Plays one item of the library: live, rewound or after the lesson, all from the same playlist. The only file that
 * knows hls.js, which comes with the player's page and not before.
 */

import Hls, {
  type BufferAppendedData,
  type ErrorData,
  type FragBufferedData,
  type Fragment,
  type HlsConfig,
  type LevelDetails,
} from 'hls.js'
import type { MediaPass } from './media-pass'

/** Seconds behind the live edge that still count as live: the playlist's distance (1.7 s) and a few stalls. */
const LIVE_MARGIN_S = 8

/** A live item is kept whole: rewinding to its first second must not load what was played a moment ago again. */
const BACK_BUFFER_S = 120

/** A video that was told where to go may be so far from there; hls.js steps over holes that are smaller. */
const ROUNDING_S = 0.05

/** A new angle is usually there within a second. */
const ANGLE_PATIENCE_MS = 6_000

/** Where a segment begins without a keyframe, the one it needs is asked for so far back; twice as far if it is not there. */
const RUN_UP_S = 6

/** A picture's playlist is named by its track. */
const TRACK = /\/(t\d+)\.m3u8/

export interface Angle {
  index: number
  /** Source of the picture (`camera`, `screen`, an encoder's name), as the playlist names it. */
  name: string
  /** Id of the item's track; empty: the main one. */
  track: string
}

export interface PlayerEvents {
  onAngles: (angles: Angle[], shown: number) => void
  /** The recording cannot be played on; `status` is HTTP's, 0 when there was no answer. */
  onFailure: (status: number) => void
}

/** What the page does with an item, however it is played. */
export interface ItemPlayer {
  /** The picture to watch; time goes on where it was. */
  chooseAngle(index: number): void
  /** Seconds behind the live edge; null when the item is complete. */
  behindLive(): number | null
  toLive(): void
  /** The item has pictures that it had not before: they are angles from now on, and time goes on where it was. */
  renew(): void
  close(): void
}

/** Whether a playlist of these codecs (RFC 6381) can be played; else the item is played as one file. */
export function playsPlaylist(codecs: readonly string[]): boolean {
  return (
    Hls.isSupported() && codecs.every((codec) => MediaSource.isTypeSupported(`video/mp4; codecs="${codec}"`))
  )
}

function configuration(pass: MediaPass): Partial<HlsConfig> {
  return {
    // A variant is another picture, not another quality: nothing may change it but the viewer.
    startLevel: 0,
    capLevelToPlayerSize: false,
    preserveManualLevelOnError: true,
    errorPenaltyExpireMs: Infinity,
    // How far behind live is the playlist's word (PART-HOLD-BACK).
    lowLatencyMode: true,
    backBufferLength: BACK_BUFFER_S,
    // Captions are the page's, for every way of playing; here they would stand in the menu a second time.
    subtitleStreamController: undefined,
    subtitleTrackController: undefined,
    timelineController: undefined,
    // A worker would come from a blob, which the pages' policy does not let in.
    enableWorker: false,
    xhrSetup: (request) => {
      for (const [name, value] of Object.entries(pass.headers)) request.setRequestHeader(name, value)
    },
  }
}

function covers(ranges: TimeRanges, at: number): boolean {
  for (let range = 0; range < ranges.length; range++)
    if (ranges.start(range) <= at && at < ranges.end(range)) return true
  return false
}

/** From where on there are pictures without a break until this second, at most so long before it. */
function beginningBefore(fragments: readonly Fragment[], at: number, longest: number): number | null {
  let place = fragments.findLastIndex((each) => each.start <= at)
  const last = place
  while (place > 0 && !fragments[place - 1]?.gap && (fragments[place]?.start ?? 0) > at - longest) place -= 1
  return place < last ? (fragments[place]?.start ?? null) : null
}

/** Of the picture whose playlist this is. */
function trackOf(uri = ''): string {
  return TRACK.exec(uri)?.[1] ?? ''
}

export class LibraryPlayer implements ItemPlayer {
  private hls: Hls
  private recoveries = 0
  /** The picture that was chosen. */
  private angle = 0
  /** Another angle was chosen while the video stands still. */
  private paintAgain = false
  /** The picture that is played. */
  private shown = -1
  private waiting = 0
  /** What of the pictures is in the buffer. */
  private pictures: TimeRanges | null = null
  /** A second that cannot be shown without pictures before it, which are on their way; where they begin. */
  private goal: { at: number; from: number; longest: number; plays: boolean } | null = null

  /** A second that was sought in vain. */
  private hopeless = -1

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly pass: MediaPass,
    private readonly events: PlayerEvents,
  ) {
    this.hls = this.open(-1)
    this.video.addEventListener('seeking', this.beyondHole)
    this.video.addEventListener('seeking', this.elsewhere)
  }

  /** From this second; -1: where it begins by itself. `track`: of the picture to show, if there is one. */
  private open(startPosition: number, track = ''): Hls {
    const hls = new Hls({ ...configuration(this.pass), startPosition })
    hls.on(Hls.Events.MANIFEST_PARSED, (_, { firstLevel }) => {
      const angles = hls.levels.map((level, index) => ({
        index,
        name: level.attrs.NAME ?? '',
        track: trackOf(level.uri),
      }))
      const shown = (track && angles.find((each) => each.track === track)?.index) || firstLevel
      this.pick(shown)
      this.events.onAngles(angles, shown)
    })
    if (startPosition < 0)
      hls.once(Hls.Events.LEVEL_LOADED, (_, { details }) => {
        this.beginBehindHole(details)
      })
    hls.on(Hls.Events.BUFFER_APPENDED, (_, { timeRanges }: BufferAppendedData) => {
      this.pictures = timeRanges.video ?? timeRanges.audiovideo ?? this.pictures
    })
    hls.on(Hls.Events.FRAG_BUFFERED, (_, data) => {
      this.arrived(data)
    })
    hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => {
      this.shown = frag.level
    })
    hls.on(Hls.Events.ERROR, (_, data) => {
      this.failed(data)
    })
    this.hls = hls
    hls.loadSource(this.url)
    hls.attachMedia(this.video)
    return hls
  }

  chooseAngle(index: number): void {
    this.pick(index)
    window.clearTimeout(this.waiting)
    this.waiting = window.setTimeout(() => {
      // Now and then hls.js does not come to the new pictures: begun anew, it does.
      if (this.video.paused ? this.paintAgain : this.shown !== index) this.renew()
      // Or it was told to go where it is while the old pictures were still on their way out.
      else if (this.video.paused) this.seekHere()
    }, ANGLE_PATIENCE_MS)
  }

  /** Where this picture has a hole hls.js would go on with another angle; to one that failed before it does not. */
  private pick(index: number): void {
    for (const [other, level] of this.hls.levels.entries()) {
      level.loadError = other === index ? 0 : 1
      level.loadErrorTime = performance.now()
    }
    this.angle = index
    this.hls.currentLevel = index
    this.paintAgain = this.video.paused && this.video.readyState > 0
  }

  private arrived({ frag }: FragBufferedData): void {
    if (frag.type !== 'main' || frag.level !== this.angle) return
    if (this.goal) this.arrivedBefore(this.goal, frag)
    else if (this.lacksItsKeyframe(frag)) this.runUp(this.video.currentTime, RUN_UP_S, !this.video.paused)
    else this.paint(frag)
  }

  /** A video that stands still shows the old picture, whatever is in its buffer, until it is told to go where it is. */
  private paint(frag: Fragment): void {
    const { buffered, currentTime } = this.video
    if (!this.paintAgain || !covers(buffered, currentTime)) return
    this.paintAgain = frag.end <= currentTime
    this.seekHere()
  }

  /** Of a segment that begins without a keyframe the browser drops what stands before the first one. */
  private lacksItsKeyframe(frag: Fragment): boolean {
    const { currentTime, seeking } = this.video
    if (Math.abs(currentTime - this.hopeless) < ROUNDING_S) return false
    if (!(seeking || this.paintAgain) || !(frag.start <= currentTime && currentTime < frag.end)) return false
    return this.pictures !== null && !covers(this.pictures, currentTime)
  }

  /** Begins anew where the pictures are that this second needs, and goes on there when they have come. */
  private runUp(at: number, longest: number, plays: boolean): void {
    const details = this.hls.levels[this.angle]?.details
    const from = details && !details.live ? beginningBefore(details.fragments, at, longest) : null
    if (from === null || from === this.goal?.from) {
      this.hopeless = at
      this.goTo(at, plays)
      return
    }
    this.goal = { at, from, longest, plays }
    this.reopen(from, trackOf(this.hls.levels[this.angle]?.uri))
  }

  private arrivedBefore(goal: NonNullable<typeof this.goal>, frag: Fragment): void {
    if (this.pictures && covers(this.pictures, goal.at)) this.goTo(goal.at, goal.plays)
    else if (frag.end > goal.at) this.runUp(goal.at, 2 * goal.longest, goal.plays)
  }

  private goTo(at: number, plays: boolean): void {
    this.goal = null
    this.video.currentTime = at
    if (plays) this.play()
  }

  /** The viewer went on while pictures were on their way for where they were. */
  private readonly elsewhere = (): void => {
    const goal = this.goal
    if (!goal || Math.abs(this.video.currentTime - goal.from) < ROUNDING_S) return
    this.goal = null
    if (goal.plays) this.play()
  }

  private play(): void {
    this.video.play().catch(() => undefined)
  }

  private seekHere(): void {
    const { currentTime } = this.video
    this.video.currentTime = currentTime
  }

  behindLive(): number | null {
    const edge = this.liveEdge()
    if (edge === null) return null
    const behind = edge - this.video.currentTime
    return behind > LIVE_MARGIN_S ? behind : 0
  }

  toLive(): void {
    const edge = this.liveEdge()
    if (edge !== null) this.video.currentTime = this.hls.liveSyncPosition ?? edge
    void this.video.play()
  }

  renew(): void {
    const at = this.behindLive() === 0 ? -1 : (this.goal?.at ?? this.video.currentTime)
    this.goal = null
    this.reopen(at, trackOf(this.hls.levels[this.angle]?.uri))
  }

  close(): void {
    this.video.removeEventListener('seeking', this.beyondHole)
    this.video.removeEventListener('seeking', this.elsewhere)
    window.clearTimeout(this.waiting)
    this.hls.destroy()
  }

  private reopen(at: number, track = ''): void {
    const plays = !this.video.paused
    this.hls.destroy()
    this.pictures = null
    this.open(at, track)
    if (plays && !this.goal) this.play()
  }

  /**
   * Sound may be there before the first picture. That hole hls.js (1.7) asks for again and again instead of going on, unless
   * it knew from the beginning to begin behind it.
   */
  private beginBehindHole({ live, fragments }: LevelDetails): void {
    const first = fragments.find((fragment) => !fragment.gap)
    if (live || !first || first === fragments[0]) return
    this.reopen(first.start)
  }

  /** Nor does it load the sound where the picture has that hole: rewinding to the first second means the first picture. */
  private readonly beyondHole = (): void => {
    const fragments = this.hls.levels[this.angle]?.details?.fragments ?? []
    const first = fragments.find((fragment) => !fragment.gap)
    if (first && first !== fragments[0] && this.video.currentTime < first.start - ROUNDING_S)
      this.video.currentTime = first.start
  }

  private liveEdge(): number | null {
    const details = this.hls.latestLevelDetails
    return details?.live ? details.edge : null
  }

  /** hls.js retries loads by itself; what is fatal after that is tried once more in its own way, then told. */
  private failed(data: ErrorData): void {
    if (!data.fatal) return
    this.recoveries += 1
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.recoveries < 3) {
      this.hls.recoverMediaError()
      return
    }
    this.events.onFailure(data.response?.code ?? 0)
  }
}
