import { beforeEach, describe, expect, it } from 'vitest'
import { Connection, type ConnectionState, type Ending } from '@/client/connection'
import type { ServerMessage } from '@/protocol/messages'
import { welcome } from '../examples'
import { FakeSocket, FakeTimers } from '../fakes'

let timers: FakeTimers
let sockets: FakeSocket[]
let states: ConnectionState[]
let heard: ServerMessage[]
let endings: Ending[]
let connection: Connection

/** What the next random number is. */
let chance = 0

beforeEach(() => {
  chance = 0
  timers = new FakeTimers()
  sockets = []
  states = []
  heard = []
  endings = []
  connection = new Connection({
    token: 'jwt',
    language: 'zh-CN',
    codecs: ['H264'],
    timers,
    random: () => chance,
    open: () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    onState: (state) => states.push(state),
    onMessage: (message) => heard.push(message),
    onEnding: (ending) => endings.push(ending),
  })
})

function newest(): FakeSocket {
  const socket = sockets.at(-1)
  if (!socket) throw new Error('no socket')
  return socket
}

function enter(): void {
  connection.start()
  newest().onopen?.()
  newest().hear(welcome())
}

describe('coming in', () => {
  it('says hello first, and is online with the welcome', () => {
    connection.start()
    newest().onopen?.()
    expect(newest().sent).toEqual([
      {
        type: 'hello',
        token: 'jwt',
        language: 'zh-CN',
        codecs: ['H264'],
        resume: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        last_seq: 0,
        attempt: 1,
      },
    ])
    newest().hear(welcome())
    expect(states).toEqual(['connecting', 'online'])
    expect(heard[0]?.type).toBe('welcome')
  })

  it('tries again when no welcome comes', () => {
    connection.start()
    newest().onopen?.()
    timers.pass(12_000)
    expect(states.at(-1)).toBe('reconnecting')
    timers.pass(1_000)
    expect(sockets).toHaveLength(2)
    expect(sockets[0]?.closed).toBe(true)
  })

  it('ends with the words of a refusal', () => {
    connection.start()
    newest().onopen?.()
    newest().hear({ type: 'error', kind: 'token-expired', title: '链接已过期', request: 'hello' })
    newest().hear({ type: 'bye', reason: 'expired' })
    expect(connection.state).toBe('closed')
    expect(endings).toMatchObject([{ kind: 'refused', refusal: { kind: 'token-expired' } }])
    timers.pass(60_000)
    expect(sockets).toHaveLength(1)
  })

  it('comes back later when the server is not ready yet', () => {
    connection.start()
    newest().onopen?.()
    newest().hear({ type: 'error', kind: 'not-ready', title: '还没准备好', request: 'hello' })
    newest().hear({ type: 'bye', reason: 'shutdown', retry: true })
    expect(endings).toEqual([])
    timers.pass(1_000)
    expect(sockets).toHaveLength(2)
  })

  it('comes back within the time over which the server spreads everybody', () => {
    chance = 0.5
    connection.start()
    newest().onopen?.()
    newest().hear({ type: 'bye', reason: 'shutdown', retry: true, retry_after_ms: 8_000 })
    timers.pass(1_000)
    expect(sockets).toHaveLength(1)
    timers.pass(4_000)
    expect(sockets).toHaveLength(2)
  })
})

describe('a lost socket', () => {
  it('is resumed from the last message that arrived', () => {
    enter()
    newest().hear({
      type: 'chat',
      seq: 7,
      message: { id: 'x', person: 'm', name: '', role: 'master', text: '', at_ms: 0 },
    })
    newest().drop()
    expect(states.at(-1)).toBe('reconnecting')
    timers.pass(300)
    newest().onopen?.()
    expect(newest().sent[0]).toMatchObject({ type: 'hello', resume: 'resume-token', last_seq: 7, attempt: 2 })
    newest().hear(welcome({ resumed: true }))
    expect(states.at(-1)).toBe('online')
  })

  it('says again what the server did not hear, before what was kept meanwhile', () => {
    enter()
    connection.send({ type: 'chat.send', text: 'heard', id: 'a' })
    connection.send({ type: 'hand.raise' })
    newest().drop()
    connection.send({ type: 'chat.send', text: 'kept', id: 'b' })
    timers.pass(300)
    newest().onopen?.()
    newest().hear(welcome({ resumed: true, heard: 1 }))
    expect(newest().sent.slice(1)).toEqual([
      { type: 'hand.raise' },
      { type: 'chat.send', text: 'kept', id: 'b' },
    ])
  })

  it('hears nothing twice', () => {
    enter()
    newest().hear({ type: 'hands', seq: 1, hands: [] })
    newest().hear({ type: 'hands', seq: 1, hands: [] })
    expect(heard.filter(({ type }) => type === 'hands')).toHaveLength(1)
  })

  it('waits longer after each failure, and starts short again after a success', () => {
    enter()
    newest().drop()
    for (const wait of [150, 300, 600]) {
      const before = sockets.length
      timers.pass(wait - 1)
      expect(sockets).toHaveLength(before)
      timers.pass(1)
      expect(sockets).toHaveLength(before + 1)
      newest().drop()
    }
    timers.pass(1_200)
    newest().onopen?.()
    newest().hear(welcome({ resumed: true }))
    newest().drop()
    const before = sockets.length
    timers.pass(150)
    expect(sockets).toHaveLength(before + 1)
  })

  it('keeps what a person says, and says it after the welcome', () => {
    enter()
    newest().drop()
    expect(connection.send({ type: 'chat.send', text: '在吗', id: 'a' })).toBe(true)
    expect(connection.send({ type: 'publish.offer', sdp: '', tracks: [] })).toBe(false)
    timers.pass(300)
    newest().onopen?.()
    newest().hear(welcome({ resumed: true }))
    expect(newest().sent.slice(1)).toEqual([{ type: 'chat.send', text: '在吗', id: 'a' }])
  })

  it('keeps a bounded number of sayings', () => {
    enter()
    newest().drop()
    const kept = Array.from({ length: 40 }, () => connection.send({ type: 'hand.raise' }))
    expect(kept.filter(Boolean)).toHaveLength(32)
  })

  it('ignores what an abandoned socket still says', () => {
    enter()
    const old = newest()
    old.drop()
    timers.pass(300)
    old.hear({ type: 'bye', reason: 'removed' })
    expect(endings).toEqual([])
  })
})

describe('heartbeat', () => {
  it('tells the server what arrived', () => {
    enter()
    newest().hear({ type: 'hands', seq: 3, hands: [] })
    timers.pass(10_000)
    expect(newest().sent.at(-1)).toEqual({ type: 'ping', id: 1, seq: 3 })
  })

  it('gives up a socket that is silent for three beats', () => {
    enter()
    timers.pass(29_000)
    expect(connection.state).toBe('online')
    timers.pass(1_000)
    expect(connection.state).toBe('reconnecting')
  })

  it('is content with any message', () => {
    enter()
    for (let beat = 1; beat <= 6; beat += 1) {
      timers.pass(10_000)
      newest().hear({ type: 'pong', id: beat })
    }
    expect(connection.state).toBe('online')
  })
})

describe('hints of the browser', () => {
  it('says offline, and connects at once when the network is back', () => {
    enter()
    connection.networkChanged(false)
    expect(connection.state).toBe('offline')
    const before = sockets.length
    connection.networkChanged(true)
    expect(sockets).toHaveLength(before + 1)
    expect(connection.state).toBe('reconnecting')
  })
})

describe('the end', () => {
  it('is another page of the same person, however it is told', () => {
    enter()
    newest().drop()
    timers.pass(300)
    newest().onopen?.()
    newest().hear({ type: 'error', kind: 'superseded', title: '', request: 'hello' })
    newest().hear({ type: 'bye', reason: 'replaced' })
    expect(endings).toMatchObject([{ kind: 'bye', bye: { reason: 'replaced' } }])
  })

  it('is final after a bye', () => {
    enter()
    newest().hear({ type: 'bye', reason: 'ended' })
    expect(endings).toMatchObject([{ kind: 'bye', bye: { reason: 'ended' } }])
    timers.pass(60_000)
    expect(sockets).toHaveLength(1)
  })

  it('is a new attempt after a bye that asks for it', () => {
    enter()
    newest().hear({ type: 'bye', reason: 'shutdown', retry: true })
    timers.pass(300)
    expect(sockets).toHaveLength(2)
  })

  it('is said when a person leaves', () => {
    enter()
    connection.leave()
    expect(newest().sent.at(-1)).toEqual({ type: 'leave' })
    expect(connection.state).toBe('closed')
  })
})
