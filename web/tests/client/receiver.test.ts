import { beforeEach, describe, expect, it } from 'vitest'
import type { MediaState } from '@/client/media-state'
import { Receiver, type ReceivedStream } from '@/client/receiver'
import type { ClientMessage, SubscribeOffer } from '@/protocol/messages'
import { FakePeerConnection, FakeTimers } from '../fakes'

let timers: FakeTimers
let connections: FakePeerConnection[]
let sent: ClientMessage[]
let streams: ReceivedStream[]
let states: MediaState[]
let receiver: Receiver

beforeEach(() => {
  timers = new FakeTimers()
  connections = []
  sent = []
  streams = []
  states = []
  receiver = new Receiver({
    timers,
    adjust: (sdp) => sdp,
    createConnection: () => {
      const connection = new FakePeerConnection()
      connections.push(connection)
      return connection.real
    },
    send: (message) => sent.push(message) > 0,
    onStreams: (next) => (streams = next),
    onState: (state) => states.push(state),
  })
})

function offer(version: number, changes: Partial<SubscribeOffer> = {}): SubscribeOffer {
  return {
    type: 'subscribe.offer',
    version,
    sdp: '0:video 1:audio',
    streams: [
      { mid: '0', person: 'm', source: 'camera', kind: 'video' },
      { mid: '1', person: 'm', source: 'microphone', kind: 'audio' },
    ],
    ...changes,
  }
}

describe('an offer', () => {
  it('is answered with its version, and its m-lines are named', async () => {
    await receiver.offered(offer(1, { fresh: true }))
    expect(sent).toEqual([{ type: 'subscribe.answer', version: 1, sdp: 'answer to 0:video 1:audio' }])
    expect(streams.map((stream) => [stream.source, stream.track.id])).toEqual([
      ['camera', 'track 0'],
      ['microphone', 'track 1'],
    ])
  })

  it('that was overtaken while it waited is skipped', async () => {
    await Promise.all([
      receiver.offered(offer(1, { fresh: true })),
      receiver.offered(offer(2)),
      receiver.offered(offer(3)),
    ])
    expect(sent.map((message) => (message as { version: number }).version)).toEqual([3])
    expect(connections).toHaveLength(1)
  })

  it('of a fresh connection closes the old one, even when overtaken', async () => {
    await receiver.offered(offer(1, { fresh: true }))
    await Promise.all([receiver.offered(offer(2, { fresh: true })), receiver.offered(offer(3))])
    expect(connections.map((connection) => connection.closed)).toEqual([true, false])
  })

  it('that does not fit is told to the server', async () => {
    await receiver.offered(offer(1, { fresh: true }))
    const [connection] = connections
    if (connection) connection.refuseNext = true
    await receiver.offered(offer(2))
    expect(sent.at(-1)).toMatchObject({ type: 'subscribe.failed' })
    expect(receiver.state).toBe('recovering')
  })

  it('keeps what is known of the streams that go on', async () => {
    await receiver.offered(offer(1, { fresh: true }))
    receiver.stateChanged({ type: 'stream.state', mid: '0', state: 'paused', reason: 'bandwidth' })
    expect(streams.map((stream) => stream.sent)).toEqual(['paused', undefined])
    await receiver.offered(offer(2))
    expect(streams.map((stream) => stream.sent)).toEqual(['paused', undefined])
    receiver.stateChanged({ type: 'stream.state', mid: '0', state: 'ok' })
    expect(streams.map((stream) => stream.sent)).toEqual([undefined, undefined])
    receiver.stateChanged({ type: 'stream.state', mid: '0', state: 'reduced', reason: 'bandwidth' })
    await receiver.offered(offer(3, { fresh: true }))
    expect(streams.map((stream) => stream.sent)).toEqual([undefined, undefined])
  })

  it('may hold a picture back until it comes', async () => {
    const [camera, microphone] = offer(1).streams
    if (!camera || !microphone) throw new Error('two streams')
    await receiver.offered(offer(1, { fresh: true, streams: [{ ...camera, held: true }, microphone] }))
    expect(streams.map((stream) => stream.source)).toEqual(['microphone'])
    receiver.heldChanged({ type: 'streams.held', mids: ['1'] })
    expect(streams.map((stream) => stream.source)).toEqual(['camera', 'microphone'])
    const waiting = receiver.offered(offer(2))
    receiver.heldChanged({ type: 'streams.held', mids: ['0'] })
    await waiting
    expect(streams.map((stream) => stream.source)).toEqual(['microphone'])
  })

  it('of a session that is gone is dropped', async () => {
    const old = receiver.offered(offer(5, { fresh: true }))
    receiver.reset()
    await old
    expect(sent).toEqual([])
    await receiver.offered(offer(1, { fresh: true }))
    expect(sent).toHaveLength(1)
  })
})

describe('a connection', () => {
  beforeEach(async () => {
    await receiver.offered(offer(1, { fresh: true }))
    sent.length = 0
  })

  it('that fails is told at once', () => {
    connections[0]?.become('connected')
    connections[0]?.become('failed')
    expect(states).toEqual(['connecting', 'connected', 'recovering'])
    expect(sent).toMatchObject([{ type: 'subscribe.failed' }])
  })

  it('that is disconnected may come back by itself', () => {
    connections[0]?.become('connected')
    connections[0]?.become('disconnected')
    expect(receiver.state).toBe('recovering')
    timers.pass(4_000)
    connections[0]?.become('connected')
    timers.pass(60_000)
    expect(sent).toEqual([{ type: 'subscribe.restart' }])
  })

  it('that does not come back is given up', () => {
    connections[0]?.become('connected')
    connections[0]?.become('disconnected')
    timers.pass(5_000)
    expect(sent.map((message) => message.type)).toEqual(['subscribe.restart', 'subscribe.failed'])
  })

  it('that broke while the socket was away is told when it is back', () => {
    connections[0]?.become('disconnected')
    receiver.resumed()
    timers.pass(5_000)
    receiver.resumed()
    expect(sent.map((message) => message.type)).toEqual([
      'subscribe.restart',
      'subscribe.restart',
      'subscribe.failed',
      'subscribe.failed',
    ])
  })

  it('that is well needs no word when the socket is back', () => {
    connections[0]?.become('connected')
    receiver.resumed()
    expect(sent).toEqual([])
  })

  it('of a device that moved gets other addresses, if it was up', () => {
    receiver.moved()
    expect(sent).toEqual([])
    connections[0]?.become('connected')
    receiver.moved()
    timers.pass(60_000)
    expect(sent).toEqual([{ type: 'subscribe.restart' }])
  })

  it('that never comes up is given up, and asked for again', () => {
    timers.pass(15_000)
    expect(sent).toHaveLength(1)
    timers.pass(45_000)
    expect(sent).toHaveLength(2)
  })
})
