/** Check-in over HTTP, as who has a link into the lesson. */

import { problemFrom } from '@/client/problem'

export interface CheckedIn {
  at_ms: number
  result: 'present' | 'late'
  way: 'position' | 'presence' | 'tutor'
  distance_m: number | null
  picture: boolean
  face: '' | 'verified' | 'refused' | 'unverified'
}

export interface CheckIn {
  plan: {
    opens_ms: number
    late_ms: number
    closes_ms: number
    place: { latitude: number; longitude: number; radius_m: number } | null
    picture: boolean
  } | null
  open: boolean
  mine: CheckedIn | null
  server_ms: number
}

export interface Position {
  latitude: number
  longitude: number
  accuracy_m: number
}

const POSITION_MS = 10_000

/** Raises ProblemError. */
export class CheckInClient {
  constructor(
    private readonly token: string,
    private readonly lesson: string,
    private readonly language: string,
  ) {}

  read(): Promise<CheckIn> {
    return this.ask('GET', '')
  }

  come(position: Position | null): Promise<CheckIn> {
    return this.ask('POST', '/me', JSON.stringify({ position }), 'application/json')
  }

  send(picture: Blob): Promise<CheckIn> {
    return this.ask('PUT', '/me/picture', picture, 'image/jpeg')
  }

  private async ask(method: string, rest: string, body?: string | Blob, type?: string): Promise<CheckIn> {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.token}`,
      'Accept-Language': this.language,
    }
    if (type) headers['Content-Type'] = type
    const url = `/api/v1/lessons/${encodeURIComponent(this.lesson)}/check-in${rest}`
    const response = await fetch(url, { method, headers, body })
    if (!response.ok) throw await problemFrom(response)
    return (await response.json()) as CheckIn
  }
}

/** Where the device says it is; null: it does not know, or may not say. */
export function whereAmI(): Promise<Position | null> {
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        resolve({ latitude: coords.latitude, longitude: coords.longitude, accuracy_m: coords.accuracy })
      },
      () => {
        resolve(null)
      },
      { enableHighAccuracy: true, timeout: POSITION_MS, maximumAge: 0 },
    )
  })
}
