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

export interface CheckInPlace {
  latitude: number
  longitude: number
  radius_m: number
}

export interface CheckInPlan {
  opens_ms: number
  late_ms: number
  closes_ms: number
  place: CheckInPlace | null
  picture: boolean
}

export interface CheckIn {
  plan: CheckInPlan | null
  /** Whose it is; empty: of all that have none of their own. */
  class_id: string
  /** The caller's; empty: none, or all of the lesson. */
  own_class: string
  open: boolean
  mine: CheckedIn | null
  server_ms: number
  evidence_days: number
  /** Where the class's school last checked in, for who opens it. */
  school: CheckInPlace | null
}

export interface CheckedInPerson extends CheckedIn {
  person: string
  name: string
  class_id: string
  picture_until_ms: number | null
}

export interface Pupil {
  person: string
  name: string
  online: boolean
  checked_in: CheckedInPerson | null
}

export interface LessonClass {
  id: string
  name: string
  school: string
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

  /** Of a class, for who leads the lesson as a whole. */
  read(classId = ''): Promise<CheckIn> {
    return this.json('GET', `/check-in${ofClass(classId)}`)
  }

  open(plan: CheckInPlan, classId = ''): Promise<CheckIn> {
    return this.json('PUT', `/check-in${ofClass(classId)}`, JSON.stringify(plan), 'application/json')
  }

  come(position: Position | null): Promise<CheckIn> {
    return this.json('POST', '/check-in/me', JSON.stringify({ position }), 'application/json')
  }

  send(picture: Blob): Promise<CheckIn> {
    return this.json('PUT', '/check-in/me/picture', picture, 'image/jpeg')
  }

  async classes(): Promise<LessonClass[]> {
    return (await this.json<{ classes: LessonClass[] }>('GET', '/classes')).classes
  }

  async pupils(classId: string): Promise<Pupil[]> {
    const path = `/check-in/classes/${encodeURIComponent(classId)}`
    return (await this.json<{ pupils: Pupil[] }>('GET', path)).pupils
  }

  /** Empty: all of the class who are in the lesson. */
  async checkInClass(classId: string, people: string[]): Promise<void> {
    const path = `/check-in/classes/${encodeURIComponent(classId)}`
    await this.json('POST', path, JSON.stringify({ people }), 'application/json')
  }

  async results(): Promise<CheckedInPerson[]> {
    return (await this.json<{ results: CheckedInPerson[] }>('GET', '/check-in/results')).results
  }

  /** The evidence, for who leads the lesson or supervises it. */
  async picture(person: string): Promise<Blob> {
    return (await this.ask('GET', `/check-in/results/${encodeURIComponent(person)}/picture`)).blob()
  }

  private async json<T>(method: string, rest: string, body?: string | Blob, type?: string): Promise<T> {
    return (await (await this.ask(method, rest, body, type)).json()) as T
  }

  private async ask(method: string, rest: string, body?: string | Blob, type?: string): Promise<Response> {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.token}`,
      'Accept-Language': this.language,
    }
    if (type) headers['Content-Type'] = type
    const url = `/api/v1/lessons/${encodeURIComponent(this.lesson)}${rest}`
    const response = await fetch(url, { method, headers, body })
    if (!response.ok) throw await problemFrom(response)
    return response
  }
}

const ofClass = (classId: string) => (classId ? `?class_id=${encodeURIComponent(classId)}` : '')

export type Where = 'lesson' | 'school' | 'here'

/** What is opened from now on, for so many minutes; the last of them count as late. */
export function planOf(
  now: number,
  minutes: number,
  lateMinutes: number,
  place: CheckInPlace | null,
  picture: boolean,
): CheckInPlan {
  const closes = now + minutes * 60_000
  const late = lateMinutes > 0 ? Math.min(closes, now + lateMinutes * 60_000) : closes
  return { opens_ms: now, late_ms: late, closes_ms: closes, place, picture }
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
