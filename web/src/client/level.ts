/** How loud a track is, for the level meter. */

/** dBFS at which the meter is empty: a quiet room. */
const SILENCE_DB = -60

/** 0..1 on a scale that looks even to the ear; `samples` are -1..1. */
export function levelOf(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  const rms = Math.sqrt(sum / Math.max(1, samples.length))
  const db = 20 * Math.log10(Math.max(rms, 1e-6))
  return Math.min(1, Math.max(0, 1 - db / SILENCE_DB))
}

/** Watches one track; `read` is called by the page as often as it paints. */
export class LevelMeter {
  private readonly context = new AudioContext()
  private readonly analyser = this.context.createAnalyser()
  private readonly samples: Float32Array<ArrayBuffer>

  constructor(track: MediaStreamTrack) {
    this.analyser.fftSize = 1024
    this.samples = new Float32Array(this.analyser.fftSize)
    this.context.createMediaStreamSource(new MediaStream([track])).connect(this.analyser)
  }

  read(): number {
    if (this.context.state === 'suspended') void this.context.resume()
    this.analyser.getFloatTimeDomainData(this.samples)
    return levelOf(this.samples)
  }

  close(): void {
    void this.context.close()
  }
}
