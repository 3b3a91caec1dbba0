/**
 * This person's own camera, microphone and screen: open or not, muted or not, and what of it is sent.
 *
 * What the person wants and what the lesson allows are two things: a track that may not be sent now stays open and is
 * sent as soon as it may.
 */

import {
  openCamera,
  openMicrophone,
  openScreen,
  DeviceError,
  type DeviceChoice,
  type DeviceProblem,
} from './devices'
import type { Publisher, Source } from './publisher'

export interface LocalState {
  camera: boolean
  microphone: boolean
  screen: boolean
  /** What is open, for the person's own view. */
  cameraTrack: MediaStreamTrack | null
  microphoneTrack: MediaStreamTrack | null
  screenTrack: MediaStreamTrack | null
}

export interface LocalMediaOptions {
  publisher: Publisher
  choice: DeviceChoice
  onChange: (state: LocalState) => void
  onProblem: (problem: DeviceProblem | 'lost', source: Source) => void
}

export class LocalMedia {
  private readonly tracks = new Map<Source, MediaStreamTrack>()
  /** Muted by the person; the track is kept (microphone) or closed (camera). */
  private readonly muted = new Set<Source>()
  private readonly published = new Set<Source>()
  private allowed: ReadonlySet<string> = new Set()

  constructor(private readonly options: LocalMediaOptions) {}

  /** Takes over a track that the door opened already. */
  adopt(source: Source, track: MediaStreamTrack): Promise<void> {
    return this.opened(source, track)
  }

  async allow(sources: readonly string[]): Promise<void> {
    this.allowed = new Set(sources)
    for (const source of this.published) if (!this.allowed.has(source)) await this.withdraw(source)
    for (const source of this.tracks.keys()) await this.send(source)
  }

  async toggleMicrophone(): Promise<void> {
    const track = this.tracks.get('microphone')
    if (!track) {
      await this.open('microphone', () => openMicrophone(this.options.choice.microphone))
      return
    }
    const muted = !this.muted.has('microphone')
    this.mark('microphone', muted)
    track.enabled = !muted
    this.changed()
    await this.options.publisher.mute('microphone', muted, track)
  }

  async toggleCamera(): Promise<void> {
    const track = this.tracks.get('camera')
    if (!track || this.muted.has('camera')) {
      await this.open('camera', () => openCamera(this.options.choice.camera))
      return
    }
    this.mark('camera', true)
    this.stop(track)
    this.changed()
    await this.options.publisher.mute('camera', true, null)
  }

  async toggleScreen(): Promise<void> {
    if (this.tracks.has('screen')) {
      await this.stopScreen()
      return
    }
    try {
      for (const track of await openScreen()) {
        await this.opened(track.kind === 'video' ? 'screen' : 'screen_audio', track)
      }
    } catch (error) {
      this.report(error, 'screen')
    }
  }

  /** Closed by somebody else: it stays where it is, muted, until the person opens it again. */
  async muteSource(source: Source): Promise<void> {
    if (!this.tracks.has(source) || this.muted.has(source)) return
    if (source === 'microphone') await this.toggleMicrophone()
    else if (source === 'camera') await this.toggleCamera()
    else await this.stopScreen()
  }

  /** Taken down by somebody else: the device closes. */
  async stopSource(source: Source): Promise<void> {
    const track = this.tracks.get(source)
    if (!track) return
    this.stop(track)
    this.tracks.delete(source)
    this.mark(source, false)
    this.changed()
    await this.withdraw(source)
  }

  /** Closes everything; lights go out. */
  close(): void {
    for (const track of this.tracks.values()) this.stop(track)
    this.tracks.clear()
    this.muted.clear()
    this.published.clear()
    this.changed()
  }

  private async open(source: Source, open: () => Promise<MediaStreamTrack>): Promise<void> {
    try {
      await this.opened(source, await open())
    } catch (error) {
      this.report(error, source)
    }
  }

  private async opened(source: Source, track: MediaStreamTrack): Promise<void> {
    this.tracks.set(source, track)
    track.onended = () => {
      void this.ended(source)
    }
    const again = this.muted.has(source) && this.published.has(source)
    this.mark(source, false)
    this.changed()
    if (again) await this.options.publisher.mute(source, false, track)
    else await this.send(source)
  }

  private async send(source: Source): Promise<void> {
    const track = this.tracks.get(source)
    if (!track || this.published.has(source) || !this.allowed.has(source)) return
    if (track.readyState === 'ended') return
    this.published.add(source)
    await this.options.publisher.publish(source, track)
    if (this.muted.has(source)) await this.options.publisher.mute(source, true, track)
  }

  private async withdraw(source: Source): Promise<void> {
    if (this.published.delete(source)) await this.options.publisher.publish(source, null)
  }

  /** The device was pulled out, or the browser's own "stop sharing" was used. */
  private async ended(source: Source): Promise<void> {
    if (source === 'screen' || source === 'screen_audio') {
      await this.stopScreen()
      return
    }
    this.options.onProblem('lost', source)
    this.tracks.delete(source)
    this.changed()
    await this.withdraw(source)
  }

  private async stopScreen(): Promise<void> {
    for (const source of ['screen', 'screen_audio'] as const) {
      const track = this.tracks.get(source)
      if (track) this.stop(track)
      this.tracks.delete(source)
      await this.withdraw(source)
    }
    this.changed()
  }

  private stop(track: MediaStreamTrack): void {
    track.onended = null
    track.stop()
  }

  private mark(source: Source, muted: boolean): void {
    if (muted) this.muted.add(source)
    else this.muted.delete(source)
  }

  private report(error: unknown, source: Source): void {
    const problem = error instanceof DeviceError ? error.problem : 'failed'
    if (problem !== 'cancelled') this.options.onProblem(problem, source)
  }

  private changed(): void {
    const open = (source: Source) => (this.muted.has(source) ? null : (this.tracks.get(source) ?? null))
    this.options.onChange({
      camera: open('camera') !== null,
      microphone: open('microphone') !== null,
      screen: open('screen') !== null,
      cameraTrack: open('camera'),
      microphoneTrack: open('microphone'),
      screenTrack: open('screen'),
    })
  }
}
