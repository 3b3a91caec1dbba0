/**
 * The device of a class's room over HTTP: a code for its screen, its credential, and what it has to do.
 * The credential stays in localStorage, so that a power cut costs nothing; an organizer may revoke it.
 */

import { ProblemError, problemFrom } from './problem'

const KEY = 'tongke.device'

export interface Pairing {
  code: string
  secret: string
  valid_s: number
}

export interface DeviceLesson {
  lesson: string
  title: string
  /** Unix time in ms; 0: not planned. */
  starts_ms: number
  /** To enter it; empty while its doors are closed. */
  token: string
}

export interface Orders {
  name: string
  now: DeviceLesson | null
  next: DeviceLesson | null
}

export function keptCredential(store: Pick<Storage, 'getItem'>): string {
  return store.getItem(KEY) ?? ''
}

export function keepCredential(store: Pick<Storage, 'setItem' | 'removeItem'>, credential: string): void {
  if (credential) store.setItem(KEY, credential)
  else store.removeItem(KEY)
}

async function ask(method: string, path: string, bearer: string, language: string): Promise<unknown> {
  const headers: Record<string, string> = { 'Accept-Language': language }
  if (bearer) headers.Authorization = `Bearer ${bearer}`
  const response = await fetch(path, { method, headers })
  if (!response.ok) throw await problemFrom(response)
  return response.json()
}

export async function beginPairing(language: string): Promise<Pairing> {
  return (await ask('POST', '/api/v1/devices/pairing', '', language)) as Pairing
}

/** Empty: nobody has typed the code in yet. */
export async function credentialOf(pairing: Pairing, language: string): Promise<string> {
  const state = await ask('GET', '/api/v1/devices/pairing', pairing.secret, language)
  return (state as { credential: string }).credential
}

export async function orders(credential: string, language: string): Promise<Orders> {
  return (await ask('GET', '/api/v1/device', credential, language)) as Orders
}

/** Whether the server said that it does not know what this device holds (any more). */
export function isForgotten(error: unknown): boolean {
  return error instanceof ProblemError && (error.status === 401 || error.status === 404)
}

/** `123 456`: read from ten metres, and typed in two goes. */
export function codeText(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`
}
