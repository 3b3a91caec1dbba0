/** The few changes that are made to the server's session descriptions before use. Pure. */

/** Leaves out UDP candidates, as if a firewall dropped them (`?force=tcp`). */
export function onlyTcp(sdp: string): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !/^a=candidate:\S+ \d+ udp /i.test(line))
    .join('\r\n')
}

/** Leaves out TCP candidates: to try UDP alone. */
export function onlyUdp(sdp: string): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !/^a=candidate:\S+ \d+ tcp /i.test(line))
    .join('\r\n')
}

/** kbit/s. Without it Chromium begins at 300 and a class waits ten seconds for a sharp picture. */
const START_KBPS = 1_000

/**
 * Tells Chromium at which rate to begin sending video: `x-google-start-bitrate` (kbit/s) in the answer's `a=fmtp` of
 * every video codec. It is a hint to the own encoder and says nothing to the other side.
 */
export function withStartBitrate(sdp: string): string {
  const sections = sdp.split(/(?=^m=)/m)
  return sections.map((section) => (section.startsWith('m=video') ? hinted(section) : section)).join('')
}

function hinted(section: string): string {
  const hint = `x-google-start-bitrate=${String(START_KBPS)}`
  return section
    .replace(/^a=rtpmap:(\d+) (?!rtx|red|ulpfec|flexfec)[^\r\n]+/gim, (rtpmap, payloadType: string) =>
      new RegExp(`^a=fmtp:${payloadType} `, 'm').test(section)
        ? rtpmap
        : `${rtpmap}\r\na=fmtp:${payloadType} ${hint}`,
    )
    .replace(/^a=fmtp:\d+ (?!apt=)(?!x-google)[^\r\n]+/gim, (line) => `${line};${hint}`)
}
