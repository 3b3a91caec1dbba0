/** The few changes that tests ask of a session description. */

/** Leaves out UDP candidates, as if a firewall dropped them (`?force=tcp`). */
export function onlyTcp(sdp: string): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !/^a=candidate:\S+ \d+ udp /i.test(line))
    .join('\r\n')
}
