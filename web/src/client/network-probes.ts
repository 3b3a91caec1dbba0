/** The browser's side of the network check: fetch and peer connections against /api/v1/diagnosis. */

import type { IceServer } from '@/protocol/messages'
import type { Plan, Probes, Way } from './network-check'
import { problemFrom } from './problem'
import { onlyTcp, onlyUdp } from './sdp'

const PATH = '/api/v1/diagnosis'
/** For one request; a line that does not carry a quarter of a megabyte in this time is no line for a lesson. */
const REQUEST_TIMEOUT_MS = 10_000
/** ICE and DTLS by one way; a firewall that drops everything is found out by nothing else. */
const CONNECT_TIMEOUT_MS = 6_000

interface PlanBody {
  server_ms: number
  ice_servers: IceServer[]
  media: { host: string; port: number }[]
}

export class BrowserProbes implements Probes {
  constructor(private readonly token: string) {}

  now(): number {
    return performance.now()
  }

  unixMs(): number {
    return Date.now()
  }

  async plan(): Promise<Plan> {
    const body = (await (await this.ask('GET', PATH)).json()) as PlanBody
    const hosts = [...new Set(body.media.map((way) => way.host))]
    const port = body.media[0]?.port ?? 0
    return { iceServers: body.ice_servers, serverMs: body.server_ms, port, hosts }
  }

  async download(bytes: number): Promise<void> {
    await (await this.ask('GET', `${PATH}/bytes?count=${String(bytes)}`)).arrayBuffer()
  }

  async upload(bytes: number): Promise<void> {
    await this.ask('POST', `${PATH}/bytes`, new Blob([new Uint8Array(bytes)]))
  }

  async connect(way: Exclude<Way, 'http'>, plan: Plan): Promise<number | null> {
    const relay = way === 'turn'
    const peer = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: relay ? plan.iceServers : [],
      iceTransportPolicy: relay ? 'relay' : 'all',
    })
    let session = ''
    try {
      peer.addTransceiver('video', { direction: 'recvonly' })
      await peer.setLocalDescription(await peer.createOffer())
      const offer = JSON.stringify({ sdp: peer.localDescription?.sdp ?? '' })
      const response = await this.ask('POST', PATH, new Blob([offer], { type: 'application/json' }))
      const answer = (await response.json()) as { id: string; sdp: string }
      session = answer.id
      const adjust = way === 'tcp' ? onlyTcp : onlyUdp
      await peer.setRemoteDescription({ type: 'answer', sdp: adjust(answer.sdp) })
      await connected(peer)
      return await roundTripMs(peer)
    } finally {
      peer.close()
      // Whatever comes of it: the server ends it by itself.
      if (session) await this.ask('DELETE', `${PATH}/sessions/${session}`).catch(() => undefined)
    }
  }

  private async ask(method: string, path: string, body?: Blob): Promise<Response> {
    const response = await fetch(path, {
      method,
      body: body ?? null,
      cache: 'no-store',
      headers: { Authorization: `Bearer ${this.token}` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    if (!response.ok) throw await problemFrom(response)
    return response
  }
}

function connected(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error('no connection'))
    }, CONNECT_TIMEOUT_MS)
    const look = () => {
      if (peer.connectionState === 'connected') {
        clearTimeout(timer)
        resolve()
      } else if (peer.connectionState === 'failed') {
        clearTimeout(timer)
        reject(new Error('failed'))
      }
    }
    peer.onconnectionstatechange = look
    look()
  })
}

async function roundTripMs(peer: RTCPeerConnection): Promise<number | null> {
  for (const report of (await peer.getStats()).values() as Iterable<Record<string, unknown>>) {
    if (
      report.type === 'candidate-pair' &&
      report.nominated &&
      typeof report.currentRoundTripTime === 'number'
    )
      return Math.round(report.currentRoundTripTime * 1000)
  }
  return null
}
