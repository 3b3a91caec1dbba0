/**
 * Who sits before this page, and what they chose at the door. Lives as long as the tab; that a room went through the door
 * lives longer, so that its screen comes back into the lesson by itself after a power cut, with nobody there to click.
 */

import { reactive } from 'vue'
import type { DeviceChoice } from '@/client/devices'
import { readOverrides } from '@/client/overrides'
import { keepToken, readClaims, takeToken, type Claims } from '@/client/token'

const ENTERED = 'tongke.entered'
const DEVICES = 'tongke.devices'

interface Session {
  token: string
  claims: Claims | null
  devices: DeviceChoice
}

export const overrides = readOverrides(window.location.search)

export const session = reactive<Session>({
  token: '',
  claims: null,
  devices: { camera: '', microphone: '' },
})

/** What the door hands over to the lesson, once. */
interface Handover {
  startLesson: boolean
  camera: MediaStreamTrack | null
  microphone: MediaStreamTrack | null
}

let handover: Handover | null = null

function isRoom(): boolean {
  return session.claims?.role === 'room'
}

function memory(): Storage {
  return isRoom() ? localStorage : sessionStorage
}

/** Reads the token of the address (or of the tab) anew. */
export function openSession(): void {
  session.token = takeToken(window.location, window.history, sessionStorage)
  session.claims = readClaims(session.token)
  const devices = JSON.parse(localStorage.getItem(DEVICES) ?? '{}') as Partial<DeviceChoice>
  session.devices = { camera: devices.camera ?? '', microphone: devices.microphone ?? '' }
}

/** Goes on with this token, in place of the one that the tab came with. */
export function useToken(token: string): void {
  keepToken(token, sessionStorage)
  session.token = token
  session.claims = readClaims(token)
}

export function rememberDevices(choice: DeviceChoice): void {
  session.devices = { ...choice }
  localStorage.setItem(DEVICES, JSON.stringify(choice))
}

/** Which of the own devices are on: a reload opens these again and no others. */
export interface Sending {
  camera: boolean
  microphone: boolean
}

/** Through the door: from here on a reload comes back into the lesson. */
export function enter(given: Handover): void {
  handover = given
  rememberSending({ camera: given.camera !== null, microphone: given.microphone !== null })
}

export function rememberSending(sending: Sending): void {
  memory().setItem(ENTERED, JSON.stringify({ token: session.token, sending }))
}

/** A room stays through the door: its next lesson begins without a click too. */
export function leaveDoorClosed(): void {
  if (!isRoom()) sessionStorage.removeItem(ENTERED)
}

/** How this tab went through the door with this token, or this room with any; null: it did not. */
export function entered(): Sending | null {
  const text = memory().getItem(ENTERED)
  if (!text) return null
  const state = JSON.parse(text) as { token: string; sending: Sending }
  return isRoom() || state.token === session.token ? state.sending : null
}

/** The lesson into which this page goes by itself; empty: none. */
export function lessonOfRoom(): string {
  return isRoom() && entered() ? (session.claims?.lesson ?? '') : ''
}

export function takeHandover(): Handover | null {
  const given = handover
  handover = null
  return given
}
