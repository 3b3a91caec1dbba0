import { expect, it } from 'vitest'
import { onlyTcp, withStartBitrate } from '@/client/sdp'

const lines = (...text: string[]) => text.join('\r\n')

it('leaves UDP candidates out where only TCP gets through', () => {
  const sdp = lines(
    'a=candidate:1 1 udp 2130706431 127.0.0.1 7000 typ host',
    'a=candidate:2 1 UDP 2130706431 ::1 7000 typ host',
    'a=candidate:3 1 tcp 1015021823 127.0.0.1 7000 typ host tcptype passive',
    'a=end-of-candidates',
  )
  expect(onlyTcp(sdp)).toBe(sdp.split('\r\n').slice(2).join('\r\n'))
})

it('hints at the first bit rate of every video codec, and of nothing else', () => {
  const sdp = lines(
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98',
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f',
    'a=rtpmap:97 rtx/90000',
    'a=fmtp:97 apt=96',
    'a=rtpmap:98 VP8/90000',
    '',
  )
  expect(withStartBitrate(sdp)).toBe(
    lines(
      'v=0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98',
      'a=rtpmap:96 H264/90000',
      'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;x-google-start-bitrate=1000',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=rtpmap:98 VP8/90000',
      'a=fmtp:98 x-google-start-bitrate=1000',
      '',
    ),
  )
})
