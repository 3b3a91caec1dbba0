/** The door's own state: devices that are tried, and the verdict on the network. */

import { onBeforeUnmount, ref, shallowRef } from 'vue'
import { DeviceError, listDevices, openCamera, openMicrophone, type DeviceProblem } from '@/client/devices'
import { checkNetwork, type NetworkVerdict } from '@/client/network-check'
import { BrowserProbes } from '@/client/network-probes'
import { rememberDevices, session } from '@/composables/session'

export type TriedSource = 'camera' | 'microphone'

export interface DoorProblem {
  source: TriedSource
  problem: DeviceProblem
}

/** The devices there are; empty where the browser hands out none. */
function useDeviceList() {
  const cameras = shallowRef<MediaDeviceInfo[]>([])
  const microphones = shallowRef<MediaDeviceInfo[]>([])
  async function refresh(): Promise<void> {
    try {
      const list = await listDevices()
      cameras.value = list.cameras
      microphones.value = list.microphones
    } catch {
      // Without devices there is no list; the problem is told already.
    }
  }
  return { cameras, microphones, refresh }
}

export function useDoor() {
  const camera = shallowRef<MediaStreamTrack | null>(null)
  const microphone = shallowRef<MediaStreamTrack | null>(null)
  const { cameras, microphones, refresh } = useDeviceList()
  const problems = ref<DoorProblem[]>([])
  const opening = ref(false)
  const network = shallowRef<NetworkVerdict | null>(null)
  const choice = ref({ ...session.devices })
  let handedOver = false

  async function open(source: TriedSource): Promise<void> {
    const track = source === 'camera' ? camera : microphone
    track.value?.stop()
    problems.value = problems.value.filter((each) => each.source !== source)
    try {
      track.value = await (source === 'camera'
        ? openCamera(choice.value.camera)
        : openMicrophone(choice.value.microphone))
      choice.value[source] = track.value.getSettings().deviceId ?? ''
    } catch (error) {
      track.value = null
      problems.value.push({ source, problem: error instanceof DeviceError ? error.problem : 'failed' })
    }
  }

  async function check(): Promise<void> {
    opening.value = true
    network.value = null
    // One after the other: the browser asks for each, and one missing must not take the other with it.
    await open('microphone')
    await open('camera')
    await refresh()
    opening.value = false
    const teaches = session.claims?.role === 'master' || session.claims?.role === 'tutor'
    await checkNetwork(new BrowserProbes(session.token), teaches, (found) => (network.value = found))
  }

  /** The lesson takes the tracks over; the door forgets them. */
  function handOver(): { camera: MediaStreamTrack | null; microphone: MediaStreamTrack | null } {
    handedOver = true
    rememberDevices(choice.value)
    return { camera: camera.value, microphone: microphone.value }
  }

  onBeforeUnmount(() => {
    if (handedOver) return
    camera.value?.stop()
    microphone.value?.stop()
  })

  return {
    camera,
    microphone,
    cameras,
    microphones,
    problems,
    opening,
    network,
    choice,
    open,
    check,
    handOver,
  }
}
