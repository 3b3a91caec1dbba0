import { describe, expect, it } from 'vitest'
import { checkNetwork, judge, type NetworkVerdict, type Probes, type Way } from '@/client/network-check'

const SERVER_MS = 1_790_000_000_000

/** A line of so many ms and kbit/s on which these ways are closed. */
class FakeLine implements Probes {
  readonly tried: string[] = []
  relay = false
  upKbps: number
  mediaMs: number | null = null
  /** How far this device's clock is ahead of the server's. */
  clockAheadMs = 0
  private time = 0

  constructor(
    private readonly closed: readonly Way[] = [],
    private readonly milliseconds = 10,
    private readonly kbps = 8_000,
  ) {
    this.upKbps = kbps
  }

  now(): number {
    return this.time
  }

  unixMs(): number {
    return SERVER_MS + this.time + this.clockAheadMs
  }

  plan() {
    const serverMs = SERVER_MS + this.time + this.milliseconds / 2
    this.time += this.milliseconds
    if (this.closed.includes('http')) return Promise.reject(new Error('no answer'))
    const iceServers = this.relay ? [{ urls: ['turn:turn.example.org'], username: 'u', credential: 'c' }] : []
    return Promise.resolve({ iceServers, serverMs, port: 7000, hosts: ['192.0.2.1'] })
  }

  download = (bytes: number) => this.transfer(bytes, this.kbps)
  upload = (bytes: number) => this.transfer(bytes, this.upKbps)

  connect(way: Exclude<Way, 'http'>): Promise<number | null> {
    this.tried.push(way)
    return this.closed.includes(way) ? Promise.reject(new Error('blocked')) : Promise.resolve(this.mediaMs)
  }

  private transfer(bytes: number, kbps: number): Promise<void> {
    this.time += (bytes * 8) / kbps
    return Promise.resolve()
  }
}

describe('the network before the lesson', () => {
  it('is good when everything works', async () => {
    const seen: NetworkVerdict[] = []
    const found = await checkNetwork(new FakeLine(), true, (verdict) => seen.push(verdict))
    expect(found).toEqual({
      quality: 'good',
      roundTripMs: 10,
      ways: { http: 'works', udp: 'works', tcp: 'works' },
      downKbps: 8_000,
      upKbps: 8_000,
      clockOffsetMs: 0,
      advice: 'none',
      port: 7000,
      hosts: ['192.0.2.1'],
    })
    expect(seen[0]?.ways).toEqual({ http: 'trying' })
    expect(seen.filter((verdict) => verdict.quality)).toHaveLength(1)
  })

  it('tries the relay when there is one', async () => {
    const line = new FakeLine(['udp', 'tcp'])
    line.relay = true
    const found = await checkNetwork(line)
    expect(line.tried).toEqual(['udp', 'tcp', 'turn'])
    expect([found.quality, found.advice]).toEqual(['fair', 'relayOnly'])
  })

  it.each([
    [['udp'], 'fair', 'openUdp'],
    [['tcp'], 'good', 'none'],
    [['udp', 'tcp'], 'poor', 'openMedia'],
    [['http'], 'poor', 'http'],
  ] as const)('with %s closed is %s: %s', async (closed, quality, advice) => {
    const found = await checkNetwork(new FakeLine(closed))
    expect([found.quality, found.advice]).toEqual([quality, advice])
  })

  it.each([
    [10, 300, 'poor', 'bandwidth'],
    [10, 1_000, 'fair', 'none'],
    [200, 8_000, 'fair', 'none'],
    [500, 8_000, 'poor', 'none'],
  ] as const)('of %i ms and %i kbit/s is %s', async (milliseconds, kbps, quality, advice) => {
    const found = await checkNetwork(new FakeLine([], milliseconds, kbps))
    expect([found.quality, found.advice]).toEqual([quality, advice])
    expect(judge(found)).toEqual(found)
  })

  it('says the round trip of the way that media will take', async () => {
    const line = new FakeLine()
    line.mediaMs = 3
    expect((await checkNetwork(line)).roundTripMs).toBe(3)
  })

  it.each([
    [true, 300, 'poor', 'bandwidth'],
    [true, 1_000, 'fair', 'none'],
    [false, 300, 'fair', 'none'],
    [false, 1_000, 'good', 'none'],
  ] as const)(
    'of somebody who teaches (%s) with %i kbit/s up is %s',
    async (teaches, up, quality, advice) => {
      const line = new FakeLine()
      line.upKbps = up
      const found = await checkNetwork(line, teaches)
      expect([found.quality, found.advice]).toEqual([quality, advice])
    },
  )

  it.each([
    [90_000, 'clock'],
    [-90_000, 'clock'],
    [30_000, 'none'],
  ] as const)('with a clock that is %i ms ahead gives the advice %s', async (ahead, advice) => {
    const line = new FakeLine([], 300)
    line.clockAheadMs = ahead
    const found = await checkNetwork(line)
    expect(found.clockOffsetMs).toBe(-ahead)
    expect(found.advice).toBe(advice)
  })
})
