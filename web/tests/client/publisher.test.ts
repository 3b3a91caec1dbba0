import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Publisher } from '@/client/publisher'
import type { ClientMessage, PublishOffer } from '@/protocol/messages'
import { FakePeerConnection, FakeTimers, FakeTrack } from '../fakes'

let timers: FakeTimers
let connections: FakePeerConnection[]
let sent: ClientMessage[]
let preferred: number
let publisher: Publisher

beforeEach(() => {
  timers = new FakeTimers()
  connections = []
  sent = []
  preferred = 0
  publisher = new Publisher({
    timers,
    adjust: (sdp) => sdp,
    simulcast: true,
    createConnection: () => {
      const connection = new FakePeerConnection()
      connections.push(connection)
      return connection.real
    },
    createStream: () => ({}) as MediaStream,
    preferCodecs: () => (preferred += 1),
    send: (message) => sent.push(message) > 0,
    onState: () => undefined,
  })
})

const camera = () => new FakeTrack('video').real
const microphone = () => new FakeTrack('audio').real

function offers(): PublishOffer[] {
  return sent.filter((message) => message.type === 'publish.offer')
}

async function answer(): Promise<void> {
  await publisher.answered({ type: 'publish.answer', sdp: 'answer' })
}

describe('publishing', () => {
  it('makes a connection only when something is sent', async () => {
    expect(connections).toEqual([])
    await publisher.publish('camera', camera())
    expect(offers()).toEqual([
      { type: 'publish.offer', sdp: 'offer 1', tracks: [{ mid: '0', source: 'camera' }] },
    ])
    expect(preferred).toBe(1)
    const encodings = connections[0]?.transceivers[0]?.options.sendEncodings
    expect(encodings?.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
      ['q', 4],
      ['h', 2],
      ['f', undefined],
    ])
  })

  it('sends the sizes of the camera that somebody receives', async () => {
    await publisher.publish('camera', camera())
    await publisher.publish('microphone', microphone())
    const sender = connections[0]?.transceivers[0]?.sender
    const active = () => sender?.getParameters().encodings.map((encoding) => encoding.active)
    await publisher.layersWanted({ type: 'publish.layers', source: 'camera', active: ['q', 'f'] })
    expect(active()).toEqual([true, false, true])
    await publisher.layersWanted({ type: 'publish.layers', source: 'camera', active: ['q', 'h', 'f'] })
    expect(active()).toEqual([true, true, true])
    await publisher.layersWanted({ type: 'publish.layers', source: 'screen', active: ['q'] })
  })

  it('negotiates one thing at a time, and what came meanwhile next', async () => {
    await publisher.publish('microphone', microphone())
    await publisher.publish('camera', camera())
    expect(offers()).toHaveLength(1)
    await answer()
    expect(offers()[1]?.tracks.map((track) => track.source)).toEqual(['microphone', 'camera'])
  })

  it('uses the m-line of a source again', async () => {
    await publisher.publish('screen', camera())
    await answer()
    await publisher.publish('screen', null)
    expect(offers()[1]?.tracks).toEqual([])
    expect(connections[0]?.transceivers[0]?.direction).toBe('inactive')
    await answer()
    await publisher.publish('screen', camera())
    expect(offers()[2]?.tracks).toEqual([{ mid: '0', source: 'screen' }])
    expect(connections[0]?.transceivers).toHaveLength(1)
  })

  it('says an offer again that may have been lost with the socket', async () => {
    await publisher.publish('camera', camera())
    await publisher.resumed()
    expect(offers().map((offer) => offer.sdp)).toEqual(['offer 1', 'offer 1'])
    await answer()
    await answer()
    await publisher.resumed()
    expect(offers()).toHaveLength(2)
  })
})

describe('muting', () => {
  it('is said without a new offer', async () => {
    await publisher.publish('camera', camera())
    await answer()
    await publisher.mute('camera', true, null)
    expect(sent.at(-1)).toEqual({ type: 'publish.mute', source: 'camera', muted: true })
    expect(connections[0]?.transceivers[0]?.sender.track).toBeNull()
    expect(offers()).toHaveLength(1)
  })

  it('is said again on a new connection', async () => {
    await publisher.publish('microphone', microphone())
    await answer()
    await publisher.mute('microphone', true, microphone())
    await publisher.rebuild()
    sent.length = 0
    await answer()
    expect(sent).toEqual([{ type: 'publish.mute', source: 'microphone', muted: true }])
  })
})

describe('a connection that breaks', () => {
  it('gets an ICE restart at once, and a new one in its place when that does not help', async () => {
    await publisher.publish('camera', camera())
    await answer()
    connections[0]?.become('connected')
    connections[0]?.become('disconnected')
    await expect.poll(() => offers().length).toBe(2)
    expect(offers()[1]?.sdp).toBe('offer 2 with ICE restart')
    await answer()
    timers.pass(5_000)
    await expect.poll(() => connections.length).toBe(2)
  })

  it('gets an ICE restart when the device moved', async () => {
    await publisher.publish('camera', camera())
    publisher.moved()
    await answer()
    connections[0]?.become('connected')
    publisher.moved()
    await expect
      .poll(() => offers().map((offer) => offer.sdp))
      .toEqual(['offer 1', 'offer 2 with ICE restart'])
  })

  it('gets its ICE restart when the socket is back', async () => {
    await publisher.publish('camera', camera())
    await answer()
    connections[0]?.become('connected')
    connections[0]?.become('disconnected')
    await expect.poll(() => offers().length).toBe(2)
    await publisher.resumed()
    expect(offers().map((offer) => offer.sdp)).toEqual([
      'offer 1',
      'offer 2 with ICE restart',
      'offer 2 with ICE restart',
    ])
  })
})

describe('a connection that fails', () => {
  it('is made anew with everything on it', async () => {
    await publisher.publish('camera', camera())
    await answer()
    connections[0]?.become('connected')
    connections[0]?.become('failed')
    timers.pass(0)
    await Promise.resolve()
    expect(connections[0]?.closed).toBe(true)
    expect(publisher.state).toBe('recovering')
    await expect.poll(() => offers().length).toBe(2)
  })

  it('does not hurry when the answer did not fit', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await publisher.publish('camera', camera())
    const [connection] = connections
    if (connection) connection.refuseNext = true
    await answer()
    expect(connections).toHaveLength(1)
    timers.pass(5_000)
    expect(connections).toHaveLength(2)
  })

  it('that was closed while it was being offered is no fault', async () => {
    await publisher.publish('camera', camera())
    await answer()
    const withdrawal = publisher.publish('camera', null)
    publisher.close()
    await withdrawal
    expect(offers()).toHaveLength(1)
  })

  it('is not made anew when nothing is sent any more', async () => {
    await publisher.publish('camera', camera())
    publisher.close()
    timers.pass(60_000)
    await publisher.rebuild()
    expect(connections).toHaveLength(1)
    expect(publisher.state).toBe('none')
  })
})
