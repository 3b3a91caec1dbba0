/** Small stand-ins for the browser: a clock, a socket, a peer connection. */

import type { Socket } from '@/client/connection'
import type { Timers } from '@/client/timers'
import type { ClientMessage, ServerMessage } from '@/protocol/messages'

/** Time moves only when a test says so. */
export class FakeTimers implements Timers {
  private time = 0
  private readonly due: { at: number; action: () => void }[] = []

  now(): number {
    return this.time
  }

  after(delayMs: number, action: () => void): () => void {
    const entry = { at: this.time + delayMs, action }
    this.due.push(entry)
    return () => {
      const index = this.due.indexOf(entry)
      if (index >= 0) this.due.splice(index, 1)
    }
  }

  pass(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const next = this.due.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.due.splice(this.due.indexOf(next), 1)
      this.time = next.at
      next.action()
    }
    this.time = end
  }
}

export class FakeSocket implements Socket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  readonly sent: ClientMessage[] = []
  closed = false

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage)
  }

  close(): void {
    this.closed = true
  }

  hear(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }

  drop(): void {
    this.onclose?.({ code: 1006 })
  }
}

export class FakeTrack {
  enabled = true
  contentHint = ''
  readyState: MediaStreamTrackState = 'live'
  constructor(
    readonly kind: 'audio' | 'video',
    readonly id: string = kind,
  ) {}

  get real(): MediaStreamTrack {
    return this as unknown as MediaStreamTrack
  }
}

class FakeTransceiver {
  mid: string | null = null
  private parameters: { encodings: RTCRtpEncodingParameters[] } = { encodings: [] }
  readonly sender = {
    track: null as unknown,
    getParameters: () => structuredClone(this.parameters),
    setParameters: (parameters: { encodings: RTCRtpEncodingParameters[] }) => {
      this.parameters = parameters
      return Promise.resolve()
    },
    replaceTrack: (track: unknown) => {
      this.sender.track = track
      return Promise.resolve()
    },
  }
  readonly receiver: { track: FakeTrack }

  constructor(
    track: FakeTrack,
    public direction: RTCRtpTransceiverDirection,
    readonly options: RTCRtpTransceiverInit = {},
  ) {
    this.sender.track = track
    this.parameters.encodings = options.sendEncodings ?? []
    this.receiver = { track }
  }
}

/** Offers and answers are numbered words; m-lines of a remote offer are `mid:kind` separated by blanks. */
export class FakePeerConnection {
  connectionState: RTCPeerConnectionState = 'new'
  onconnectionstatechange: (() => void) | null = null
  localDescription: RTCSessionDescriptionInit | null = null
  remoteDescription: RTCSessionDescriptionInit | null = null
  readonly transceivers: FakeTransceiver[] = []
  closed = false
  /** The next setRemoteDescription fails. */
  refuseNext = false
  private count = 0

  get real(): RTCPeerConnection {
    return this as unknown as RTCPeerConnection
  }

  addTransceiver(track: FakeTrack, init: RTCRtpTransceiverInit): FakeTransceiver {
    const transceiver = new FakeTransceiver(track, init.direction ?? 'sendrecv', init)
    this.transceivers.push(transceiver)
    return transceiver
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers
  }

  createOffer(options: RTCOfferOptions = {}): Promise<RTCSessionDescriptionInit> {
    if (this.closed) return Promise.reject(new DOMException('closed', 'InvalidStateError'))
    this.count += 1
    const restart = options.iceRestart ? ' with ICE restart' : ''
    return Promise.resolve({ type: 'offer', sdp: `offer ${String(this.count)}${restart}` })
  }

  createAnswer(): Promise<RTCSessionDescriptionInit> {
    return Promise.resolve({ type: 'answer', sdp: `answer to ${this.remoteDescription?.sdp ?? ''}` })
  }

  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid ??= String(index)
    })
    return Promise.resolve()
  }

  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (this.refuseNext) {
      this.refuseNext = false
      return Promise.reject(new Error('does not fit'))
    }
    this.remoteDescription = description
    if (description.type === 'offer') this.fit(description.sdp ?? '')
    return Promise.resolve()
  }

  close(): void {
    this.closed = true
    this.connectionState = 'closed'
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }

  private fit(lines: string): void {
    for (const line of lines.split(' ')) {
      const [mid = '', kind] = line.split(':')
      if (this.transceivers.some((transceiver) => transceiver.mid === mid)) continue
      const transceiver = new FakeTransceiver(
        new FakeTrack(kind as 'audio' | 'video', `track ${mid}`),
        'recvonly',
      )
      transceiver.mid = mid
      this.transceivers.push(transceiver)
    }
  }
}
