/**
 * The check of the network before the lesson: the same ways, tried against the same endpoints, as `tongke doctor` tries
 * from a command line. HTTP first, then media by UDP, by TCP and, where the server names one, by a TURN relay, one after
 * the other (the server allows one test connection for each person). Free of the browser: what it does is in `Probes`.
 */

import type { IceServer } from '@/protocol/messages'
import type { Quality } from './quality'

export type Way = 'http' | 'udp' | 'tcp' | 'turn'
export type WayState = 'trying' | 'works' | 'fails'

/** Enough for a middle value that one lost packet does not spoil, little enough for a person who waits. */
const ROUND_TRIPS = 5
/** Of one transfer: half a second on a line that is good enough. */
const TRANSFER_BYTES = 256 * 1024

/** kbit/s: a camera at 720p with its sound; sound and a small picture. As in signaling/doctor/findings.py. */
const GOOD_KBPS = 1_800
const USABLE_KBPS = 500
/** Beyond that tokens and certificates begin to be refused. As there. */
const CLOCK_TOLERANCE_MS = 60_000

export interface Plan {
  iceServers: IceServer[]
  /** Unix time by the server's clock. */
  serverMs: number
  /** Of the media port, for what is to be asked for. */
  port: number
  hosts: string[]
}

export interface Probes {
  /** All of them reject when there is no answer. */
  plan(): Promise<Plan>
  download(bytes: number): Promise<void>
  upload(bytes: number): Promise<void>
  /** Media by this way alone; resolves with its round trip in ms (null: unknown). */
  connect(way: Exclude<Way, 'http'>, plan: Plan): Promise<number | null>
  /** ms by a clock that only goes forward. */
  now(): number
  /** Unix time in ms, as this device has it. */
  unixMs(): number
}

export interface NetworkVerdict {
  /** Null while it is being measured. */
  quality: Quality | null
  /** ms; of the way that media will take, of HTTP while that is not known; null when the server did not answer. */
  roundTripMs: number | null
  ways: Partial<Record<Way, WayState>>
  /** kbit/s over HTTP; null: not measured. */
  downKbps: number | null
  upKbps: number | null
  /** The server's clock minus this device's, right to half a round trip; null: not known. */
  clockOffsetMs: number | null
  /** What to ask the school's network people for: a key of the catalogue's `network.advice`. */
  advice: 'none' | 'http' | 'openUdp' | 'relayOnly' | 'openMedia' | 'bandwidth' | 'clock'
  port: number
  hosts: string[]
}

const NOTHING: NetworkVerdict = {
  quality: null,
  roundTripMs: null,
  ways: {},
  downKbps: null,
  upKbps: null,
  clockOffsetMs: null,
  advice: 'none',
  port: 0,
  hosts: [],
}

function adviceFor(found: NetworkVerdict, sends: boolean): NetworkVerdict['advice'] {
  const { ways } = found
  if (ways.http !== 'works') return 'http'
  if (ways.udp !== 'works' && ways.tcp !== 'works') return ways.turn === 'works' ? 'relayOnly' : 'openMedia'
  if (ways.udp !== 'works') return 'openUdp'
  if (below(USABLE_KBPS, found.downKbps) || (sends && below(USABLE_KBPS, found.upKbps))) return 'bandwidth'
  return Math.abs(found.clockOffsetMs ?? 0) > CLOCK_TOLERANCE_MS ? 'clock' : 'none'
}

function below(kbps: number, measured: number | null): boolean {
  return measured !== null && measured < kbps
}

/** What is to be thought of what was found; pure. sends: all the lesson long, as those who teach do; others may now and
 * then, with a small picture. */
export function judge(found: NetworkVerdict, sends = false): NetworkVerdict {
  const advice = adviceFor(found, sends)
  const slow = below(GOOD_KBPS, found.downKbps) || below(sends ? GOOD_KBPS : USABLE_KBPS, found.upKbps)
  const far = (found.roundTripMs ?? 0) > 150
  let quality: Quality = slow || far || found.ways.udp !== 'works' ? 'fair' : 'good'
  if (advice === 'http' || advice === 'openMedia' || advice === 'bandwidth') quality = 'poor'
  if ((found.roundTripMs ?? 0) > 400) quality = 'poor'
  return { ...found, advice, quality }
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}

class Check {
  found: NetworkVerdict = NOTHING
  private mediaMs: number | null = null

  constructor(
    private readonly probes: Probes,
    private readonly sends: boolean,
    private readonly onProgress: (verdict: NetworkVerdict) => void,
  ) {}

  async run(): Promise<NetworkVerdict> {
    const plan = await this.http()
    if (plan) {
      this.tell({ ...this.found, port: plan.port, hosts: plan.hosts })
      await this.media('udp', plan)
      await this.media('tcp', plan)
      const relays = plan.iceServers.some((server) => server.urls.some((url) => url.startsWith('turn')))
      if (relays) await this.media('turn', plan)
    }
    this.tell(judge(this.found, this.sends))
    return this.found
  }

  private async http(): Promise<Plan | null> {
    this.way('http', 'trying')
    let plan: Plan | null = null
    try {
      plan = await this.plans()
      const down = await this.kbps((bytes) => this.probes.download(bytes))
      const up = await this.kbps((bytes) => this.probes.upload(bytes))
      this.tell({ ...this.found, downKbps: down, upKbps: up })
      this.way('http', 'works')
    } catch {
      this.way('http', 'fails')
    }
    return this.found.ways.http === 'works' ? plan : null
  }

  /** Asks several times: for the round trip, and for the clock by the fastest answer, which is half as old. */
  private async plans(): Promise<Plan> {
    const roundTrips: number[] = []
    for (;;) {
      const start = this.probes.now()
      const plan = await this.probes.plan()
      const took = this.probes.now() - start
      if (roundTrips.every((each) => took < each)) {
        const clockOffsetMs = Math.round(plan.serverMs + took / 2 - this.probes.unixMs())
        this.tell({ ...this.found, clockOffsetMs })
      }
      roundTrips.push(took)
      this.tell({ ...this.found, roundTripMs: Math.round(median(roundTrips) ?? took) })
      if (roundTrips.length === ROUND_TRIPS) return plan
    }
  }

  private async kbps(transfer: (bytes: number) => Promise<void>): Promise<number> {
    const start = this.probes.now()
    await transfer(TRANSFER_BYTES)
    return Math.round((TRANSFER_BYTES * 8) / Math.max(1, this.probes.now() - start))
  }

  private async media(way: Exclude<Way, 'http'>, plan: Plan): Promise<void> {
    this.way(way, 'trying')
    try {
      const roundTripMs = await this.probes.connect(way, plan)
      // Ways are tried in the order in which a browser prefers them.
      this.mediaMs ??= roundTripMs
      this.tell({ ...this.found, roundTripMs: this.mediaMs ?? this.found.roundTripMs })
      this.way(way, 'works')
    } catch {
      this.way(way, 'fails')
    }
  }

  private way(way: Way, state: WayState): void {
    this.tell({ ...this.found, ways: { ...this.found.ways, [way]: state } })
  }

  private tell(found: NetworkVerdict): void {
    this.found = found
    this.onProgress(found)
  }
}

/** Tries everything; tells what is known so far each time that something becomes known. sends: as `judge` has it. */
export function checkNetwork(
  probes: Probes,
  sends = false,
  onProgress: (verdict: NetworkVerdict) => void = () => undefined,
): Promise<NetworkVerdict> {
  return new Check(probes, sends, onProgress).run()
}
