import { expect, it } from 'vitest'
import { Unheard } from '@/client/unheard'
import type { ClientMessage } from '@/protocol/messages'

function chat(id: string): ClientMessage {
  return { type: 'chat.send', text: id, id }
}

const hand: ClientMessage = { type: 'hand.raise' }
const ping: ClientMessage = { type: 'ping', id: 1 }

it('says again what the server has not heard, in order, and nothing twice', () => {
  const unheard = new Unheard()
  for (const message of [chat('a'), ping, hand, chat('b')]) unheard.said(message)
  expect(unheard.again(true, 2)).toEqual([hand, chat('b')])
  expect(unheard.again(true, 2)).toEqual([])
})

it('counts on from what the server has heard', () => {
  const unheard = new Unheard()
  unheard.said(chat('lost'))
  for (const message of unheard.again(true, 0)) unheard.said(message)
  unheard.said(chat('next'))
  expect(unheard.again(true, 1)).toEqual([chat('next')])
})

it('forgets what a pong tells to have arrived', () => {
  const unheard = new Unheard()
  unheard.said(chat('a'))
  unheard.said(chat('b'))
  unheard.heard(1)
  expect(unheard.again(true, 0)).toEqual([chat('b')])
})

it('says chat alone to a session that begins anew: its id makes it one message', () => {
  const unheard = new Unheard()
  for (const message of [chat('a'), hand, { type: 'lesson.end' } as ClientMessage]) unheard.said(message)
  expect(unheard.again(false, 0)).toEqual([chat('a')])
})

it('keeps no negotiation, and a bounded number', () => {
  const unheard = new Unheard()
  unheard.said({ type: 'subscribe.failed' })
  for (let number = 0; number < 70; number += 1) unheard.said(hand)
  expect(unheard.again(true, 0)).toHaveLength(64)
})
