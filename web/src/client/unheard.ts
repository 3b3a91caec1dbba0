/**
 * What was said to the server and may not have arrived.
 *
 * Theory of operation. A socket that died says so much later; until then everything said into it is lost. The server counts
 * what it has heard of a session (`welcome.heard`, `pong.heard`), we count what we have said; what is beyond its count when
 * it welcomes us back did not arrive. A session that begins anew has heard nothing of it: then only chat is said again, which
 * the server knows by its id and does not say twice.
 */

import type { ClientMessage } from '@/protocol/messages'

/** More than is said between two heartbeats, which tell what has arrived. */
const LIMIT = 64

type Kind = ClientMessage['type']

/** Said anew by whom they belong to, or worth nothing later. */
const NEVER_AGAIN: ReadonlySet<Kind> = new Set<Kind>([
  'hello',
  'ping',
  'leave',
  'publish.offer',
  'publish.candidate',
  'subscribe.answer',
  'subscribe.candidate',
  'subscribe.failed',
  'subscribe.restart',
  'quality.report',
  'pointer.move',
])

export class Unheard {
  private count = 0
  private kept: { number: number; message: ClientMessage }[] = []

  said(message: ClientMessage): void {
    this.count += 1
    if (NEVER_AGAIN.has(message.type)) return
    if (this.kept.length >= LIMIT) this.kept.shift()
    this.kept.push({ number: this.count, message })
  }

  /** The server has heard so many. */
  heard(count: number): void {
    this.kept = this.kept.filter(({ number }) => number > count)
  }

  /** After a welcome: what is to be said again. From now on we count from what the server has heard. */
  again(resumed: boolean, count: number): ClientMessage[] {
    if (resumed) this.heard(count)
    const lost = this.kept.map(({ message }) => message)
    this.kept = []
    this.count = count
    return resumed ? lost : lost.filter(({ type }) => type === 'chat.send')
  }
}
