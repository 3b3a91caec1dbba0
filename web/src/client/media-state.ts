/** State of one media connection, in the page's words, from W3C's. */

export type MediaState = 'none' | 'connecting' | 'connected' | 'recovering'

/**
 * `before` tells a connection that comes up for the first time from one that had been up: only the latter is
 * "recovering".
 */
export function mediaState(before: MediaState, connection: RTCPeerConnectionState): MediaState {
  switch (connection) {
    case 'connected':
      return 'connected'
    case 'disconnected':
    case 'failed':
      return 'recovering'
    case 'closed':
      return 'none'
    default:
      return before === 'connected' || before === 'recovering' ? 'recovering' : 'connecting'
  }
}

/**
 * A connection that says "disconnected" often comes back by itself (a phone changing from Wi-Fi to mobile); after so
 * long it is made anew. The server keeps its side for 30 s.
 */
export const DISCONNECTED_PATIENCE_MS = 5_000
/** A new connection that is not up after so long is tried again. */
export const CONNECT_PATIENCE_MS = 15_000
