/** Cameras, microphones and screens: opening them, and naming what went wrong so that the page can tell the remedy. */

/** Keys of the catalogue (`devices.problem.*`). */
export type DeviceProblem = 'insecure' | 'denied' | 'missing' | 'busy' | 'cancelled' | 'failed'

export class DeviceError extends Error {
  constructor(
    readonly problem: DeviceProblem,
    cause: unknown,
  ) {
    super(problem, { cause })
  }
}

export interface DeviceChoice {
  /** Device ids; empty: the browser's default. */
  camera: string
  microphone: string
}

export interface DeviceList {
  cameras: MediaDeviceInfo[]
  microphones: MediaDeviceInfo[]
}

export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'failed'
  }
}

export function cameraConstraints(id: string): MediaTrackConstraints {
  return {
    ...(id ? { deviceId: { exact: id } } : {}),
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: 30, max: 30 },
  }
}

export function microphoneConstraints(id: string): MediaTrackConstraints {
  return {
    ...(id ? { deviceId: { exact: id } } : {}),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: { ideal: 1 },
  }
}

/** Browsers hand out devices on secure pages only; `mediaDevices` is missing elsewhere. */
function mediaDevices(): MediaDevices {
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (!window.isSecureContext || !devices) throw new DeviceError('insecure', null)
  return devices
}

async function firstTrack(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  const devices = mediaDevices()
  try {
    const [track] = (await devices.getUserMedia(constraints)).getTracks()
    if (!track) throw new DeviceError('missing', null)
    return track
  } catch (error) {
    if (error instanceof DeviceError) throw error
    throw new DeviceError(problemOf(error), error)
  }
}

/** Raises DeviceError. A device that was chosen once and is gone now falls back to the default. */
async function openWithFallback(
  open: (id: string) => Promise<MediaStreamTrack>,
  id: string,
): Promise<MediaStreamTrack> {
  try {
    return await open(id)
  } catch (error) {
    if (id && error instanceof DeviceError && error.problem === 'missing') return open('')
    throw error
  }
}

export function openCamera(id: string): Promise<MediaStreamTrack> {
  return openWithFallback((device) => firstTrack({ video: cameraConstraints(device) }), id)
}

export function openMicrophone(id: string): Promise<MediaStreamTrack> {
  return openWithFallback((device) => firstTrack({ audio: microphoneConstraints(device) }), id)
}

/** The picture of a screen or window, and its sound where the browser gives it. Raises DeviceError. */
export async function openScreen(): Promise<MediaStreamTrack[]> {
  const devices = mediaDevices()
  try {
    const stream = await devices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: true,
    })
    return stream.getTracks()
  } catch (error) {
    const problem = problemOf(error)
    // Closing the chooser looks like a refusal; it needs no alarm.
    throw new DeviceError(problem === 'denied' ? 'cancelled' : problem, error)
  }
}

/** Names are empty before a device was allowed once. */
export async function listDevices(): Promise<DeviceList> {
  const all = await mediaDevices().enumerateDevices()
  return {
    cameras: all.filter((device) => device.kind === 'videoinput'),
    microphones: all.filter((device) => device.kind === 'audioinput'),
  }
}
