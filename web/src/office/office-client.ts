/** What an organizer does over HTTP: lessons planned and run, links, devices, settings. */

import { problemFrom } from '@/client/problem'
import type { LessonState, PupilView, Role } from '@/protocol/messages'

export interface ClassPlan {
  id: string
  name: string
  tutor: string
  school: string
  at_home: boolean
  pupils: number
}

export interface LessonSummary {
  id: string
  title: string
  master: string
  state: LessonState
  recorded: boolean
  /** Unix times in ms; 0: not planned, or not yet. */
  starts_ms: number
  ends_ms: number
  started_ms: number
  ended_ms: number
}

/** A tutor without a class of their own, who may take one over: of that school, or any. */
export interface StandBy {
  person: string
  school: string
}

export interface LessonDetail extends LessonSummary {
  classes: ClassPlan[]
  tutors: StandBy[]
}

export interface LessonPlan {
  title: string
  master: string
  starts_ms: number
  ends_ms: number
  recorded: boolean
  reason: string
  classes: ClassPlan[]
  tutors: StandBy[]
}

export interface LessonSettings {
  stage_limit: number
  duck: boolean
  resume_by_click: boolean
  chat: boolean
  hand: boolean
  unmute: boolean
  screen: boolean
  locked: boolean
  recorded: boolean
}

export interface KnownPerson {
  id: string
  name: string
}

export interface Link {
  token: string
  person: string
  name: string
  expires_at: number
}

export interface Device {
  id: string
  name: string
  school: string
  class_id: string
  paired_ms: number
  revoked_ms: number | null
}

export interface LinkWish {
  role: Exclude<Role, 'organizer'>
  person?: string
  class_id?: string
  name?: string
  all?: boolean
}

const path = (...parts: string[]) => `/api/v1/${parts.map(encodeURIComponent).join('/')}`

export class OfficeClient {
  constructor(
    private readonly token: string,
    private readonly language: string,
  ) {}

  async lessons(): Promise<LessonSummary[]> {
    return ((await this.ask('GET', path('lessons'))) as { lessons: LessonSummary[] }).lessons
  }

  async lesson(id: string): Promise<LessonDetail> {
    return (await this.ask('GET', path('lessons', id))) as LessonDetail
  }

  async plan(id: string, plan: LessonPlan): Promise<LessonDetail> {
    return (await this.ask('PUT', path('lessons', id), plan)) as LessonDetail
  }

  /** What the form does not show stays as it is. */
  async replan(id: string, plan: LessonPlan): Promise<LessonDetail> {
    return (await this.ask('PATCH', path('lessons', id), plan, { 'If-Match': '*' })) as LessonDetail
  }

  async move(id: string, move: 'open' | 'end' | 'cancel'): Promise<LessonDetail> {
    return (await this.ask('POST', path('lessons', id, move))) as LessonDetail
  }

  /** The emergency switch: the token of the pupils' link. */
  async goOnline(id: string, classId: string): Promise<string> {
    const answer = await this.ask('POST', path('lessons', id, 'classes', classId, 'online'))
    return (answer as { join_token: string }).join_token
  }

  async link(id: string, wish: LinkWish): Promise<Link> {
    return (await this.ask('POST', path('lessons', id, 'links'), wish)) as Link
  }

  async people(): Promise<KnownPerson[]> {
    return ((await this.ask('GET', path('people'))) as { people: KnownPerson[] }).people
  }

  async name(person: string, name: string): Promise<void> {
    await this.ask('PUT', path('people', person), { name })
  }

  async settings(id: string): Promise<LessonSettings> {
    return (await this.ask('GET', path('lessons', id, 'settings'))) as LessonSettings
  }

  async change(id: string, change: Partial<LessonSettings>): Promise<LessonSettings> {
    return (await this.ask('PATCH', path('lessons', id, 'settings'), change)) as LessonSettings
  }

  async register(id: string, classId: string): Promise<PupilView[]> {
    const answer = await this.ask('GET', path('lessons', id, 'classes', classId, 'register'))
    return (answer as { pupils: PupilView[] }).pupils
  }

  async enter(id: string, classId: string, pupils: PupilView[]): Promise<void> {
    await this.ask('PUT', path('lessons', id, 'classes', classId, 'register'), { pupils })
  }

  async devices(): Promise<Device[]> {
    return ((await this.ask('GET', path('devices'))) as { devices: Device[] }).devices
  }

  async pair(id: string, classId: string, code: string): Promise<Device> {
    return (await this.ask('POST', path('lessons', id, 'classes', classId, 'devices'), { code })) as Device
  }

  async revoke(device: string): Promise<void> {
    await this.ask('DELETE', path('devices', device))
  }

  /** Raises ProblemError; TypeError where there is no network. */
  private async ask(
    method: string,
    url: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<unknown> {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.token}`,
      'Accept-Language': this.language,
      ...more,
    }
    if (body) headers['Content-Type'] = 'application/json'
    const response = await fetch(url, { method, headers, body: body ? JSON.stringify(body) : undefined })
    if (!response.ok) throw await problemFrom(response)
    return response.status === 204 ? null : response.json()
  }
}
