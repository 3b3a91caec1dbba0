import { describe, expect, it } from 'vitest'
import { checkNetwork, judge, type NetworkVerdict, type Probes, type Way } from '@/client/network-check'

/** A line of so many ms and kbit/s on which these ways are closed. */
class FakeLine implements Probes {
  readonly tried: string[] = []
  relay = false
  private time = 0

  constructor(
    private readonly closed: readonly Way[] = [],
    private readonly milliseconds = 10,
    private readonly kbps = 8_000,
  ) {}

  now(): number {
    return this.time
  }

  plan() {
    this.time += this.milliseconds
    if (this.closed.includes('http')) return Promise.reject(new Error('no answer'))
    const iceServers = this.relay ? [{ urls: ['turn:turn.example.org'], username: 'u', credential: 'c' }] : []
    return Promise.resolve({ iceServers, port: 7000, hosts: ['192.0.2.1'] })
  }

  download = (bytes: number) => this.transfer(bytes)
  upload = (bytes: number) => this.transfer(bytes)

  connect(way: Exclude<Way, 'http'>): Promise<number | null> {
    this.tried.push(way)
    return this.closed.includes(way) ? Promise.reject(new Error('blocked')) : Promise.resolve(10)
  }

  private transfer(bytes: number): Promise<void> {
    this.time += (bytes * 8) / this.kbps
    return Promise.resolve()
  }
}

describe('the network before the lesson', () => {
  it('is good when everything works', async () => {
    const seen: NetworkVerdict[] = []
    const found = await checkNetwork(new FakeLine(), (verdict) => seen.push(verdict))
    expect(found).toEqual({
      quality: 'good',
      roundTripMs: 10,
      ways: { http: 'works', udp: 'works', tcp: 'works' },
      downKbps: 8_000,
      upKbps: 8_000,
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
})
