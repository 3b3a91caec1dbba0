/** Which video codec is offered first. */

/** The part of RTCRtpCodec that is used. */
export interface VideoCodec {
  mimeType: string
  sdpFmtpLine?: string
}

/** Rank of the codecs that are not the preferred one. */
const OTHER = 3

/** Resilience formats stay wherever they are: they follow the codec that is chosen. */
const RESILIENCE = ['video/rtx', 'video/red', 'video/ulpfec', 'video/flexfec-03']

/**
 * Within H.264, constrained baseline with packetization-mode 1 goes first: every browser and every school's old
 * tablet decodes it in hardware.
 */
function rank(codec: VideoCodec, preferred: string): number {
  const mime = codec.mimeType.toLowerCase()
  if (RESILIENCE.includes(mime)) return 4
  if (mime !== `video/${preferred.toLowerCase()}`) return OTHER
  const parameters = codec.sdpFmtpLine ?? ''
  if (mime !== 'video/h264') return 0
  if (!parameters.includes('packetization-mode=1')) return 2
  return /profile-level-id=42e0/i.test(parameters) ? 0 : 1
}

/** The browser's codecs with `preferred` first; otherwise in their order. */
export function preferCodec<T extends VideoCodec>(codecs: readonly T[], preferred: string): T[] {
  return codecs
    .map((codec, index) => ({ codec, index, rank: rank(codec, preferred) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((entry) => entry.codec)
}

/** `codec` and what makes it resilient, nothing else: the server prefers H.264 wherever it is offered. */
export function onlyCodec<T extends VideoCodec>(codecs: readonly T[], codec: string): T[] {
  return preferCodec(codecs, codec).filter((each) => rank(each, codec) !== OTHER)
}

/** With every packet of sound the one before it once more (RFC 2198), where the browser can: first, or it is not used. */
export function preferRed<T extends { mimeType: string }>(codecs: readonly T[]): T[] {
  const isRed = (codec: T) => codec.mimeType.toLowerCase() === 'audio/red'
  return [...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]
}

/** Names of the video codecs that this browser decodes, for `hello`. */
export function decodableCodecs(codecs: readonly VideoCodec[]): string[] {
  const names = codecs
    .filter((codec) => !RESILIENCE.includes(codec.mimeType.toLowerCase()))
    .map((codec) => codec.mimeType.replace(/^video\//i, ''))
  return [...new Set(names)]
}
