/** The library over HTTP. */

import type { MediaHeaders } from './media-pass'
import { problemFrom } from './problem'
import { readThumbnails, type Thumbnail } from './thumbnails'

/** A span of a track that is missing, on the item's clock. */
export interface LibraryGap {
  start_s: number
  duration_s: number
  cause: string
}

export interface LibraryTrack {
  id: string
  kind: 'audio' | 'video'
  codec: string
  duration_s: number
  gaps: LibraryGap[]
  person?: string
  source?: string
}

export interface LibraryItem {
  id: string
  lesson: string
  title: string
  state: 'live' | 'ready'
  /** RFC 3339, UTC. */
  started_at: string
  duration_s: number
  tracks: LibraryTrack[]
  /** 0..1: how much of the lesson is covered. */
  complete: number
  subject?: string
  provider?: string
  master?: string
  schools?: string[]
  /** Whose tracks are, in words; pupils are told by their class alone. */
  senders?: { person: string; name: string; class_name: string }[]
  /** What the last check of the files found: complete, incomplete, changed; empty: none yet. */
  verdict?: string
  held?: boolean
  /** Address of its picture, with a token for it. */
  poster?: string
}

export interface FacetValue {
  value: string
  count: number
}

export type FacetName = 'subject' | 'provider' | 'master' | 'month'
export const FACETS: readonly FacetName[] = ['subject', 'master', 'provider', 'month']

export interface LibraryPage {
  items: LibraryItem[]
  /** For the page behind it; empty: there are no more. */
  next: string
  total: number
  facets: Partial<Record<FacetName, FacetValue[]>>
}

export interface LibraryQuestion {
  words: string
  chosen: Partial<Record<FacetName, string>>
  after?: string
}

export interface Continued {
  item: LibraryItem
  position_s: number
  share: number
}

/** A moment of the lesson by which people find their way. */
export interface Chapter {
  at_s: number
  kind: string
  title: string
  id?: string
  by?: string
  supervision?: boolean
}

/** The composed film of an item. */
export interface Composition {
  id: string
  state: 'queued' | 'running' | 'ready' | 'failed'
  /** 0 to 1. */
  done: number
}

export interface Watched {
  spans: [number, number][]
  watched_s: number
  position_s: number
  share: number
}

export interface Clip {
  id: string
  item: string
  title: string
  subject: string
  key_point: string
  state: 'drafted' | 'reviewed' | 'published' | 'returned'
  cut: 'waiting' | 'failed' | 'exact' | 'keyframe'
  start_s: number
  duration_s: number
  author: string
  mine: boolean
  remark: string
  moves: ClipMove[]
  media: string
}

export type ClipMove = 'approve' | 'publish' | 'return' | 'withdraw' | 'submit'

export interface ClipPlan {
  title: string
  subject: string
  key_point: string
  start_s: number
  end_s: number
  exact: boolean
  /** Id of the picture's track; empty: the main one. */
  track: string
}

export interface Notice {
  id: number
  kind: string
  clip: string
  title: string
  subject: string
  remark: string
  read: boolean
}

/** A micro-lesson is at most five minutes. */
export const MAX_CLIP_S = 300
export const PAGE = 24

export class LibraryClient {
  constructor(
    private readonly token: string,
    private readonly language: string,
  ) {}

  /** A page of what there is to see, newest first. */
  async find(question: LibraryQuestion): Promise<LibraryPage> {
    const asked = new URLSearchParams({ limit: String(PAGE) })
    if (question.words) asked.set('q', question.words)
    if (question.after) asked.set('after', question.after)
    for (const [name, value] of Object.entries(question.chosen)) if (value) asked.set(name, value)
    return (await this.get(`/api/v1/library?${asked.toString()}`)) as LibraryPage
  }

  async continued(): Promise<Continued[]> {
    return ((await this.get('/api/v1/library/continue')) as { items: Continued[] }).items
  }

  async chapters(id: string): Promise<Chapter[]> {
    return ((await this.get(`${itemPath(id)}/chapters`)) as { chapters: Chapter[] }).chapters
  }

  async mark(id: string, at_s: number, text: string): Promise<void> {
    await this.send('POST', `${itemPath(id)}/marks`, { at_s, text })
  }

  async watched(id: string): Promise<Watched> {
    return (await this.get(`${itemPath(id)}/watched`)) as Watched
  }

  /** Outlives the page: who closes it has watched to here. */
  async reportWatched(id: string, spans: [number, number][], position_s: number): Promise<void> {
    await this.send('POST', `${itemPath(id)}/watched`, { spans, position_s }, true)
  }

  async clips(chosen: Record<string, string> = {}): Promise<Clip[]> {
    const asked = new URLSearchParams(chosen).toString()
    return ((await this.get(`/api/v1/library/clips?${asked}`)) as { clips: Clip[] }).clips
  }

  async makeClip(id: string, plan: ClipPlan): Promise<Clip> {
    return (await this.send('POST', `${itemPath(id)}/clips`, plan)) as Clip
  }

  async moveClip(id: string, move: ClipMove, remark: string): Promise<Clip> {
    return (await this.send('POST', `/api/v1/library/clips/${encodeURIComponent(id)}/${move}`, {
      remark,
    })) as Clip
  }

  async notices(): Promise<Notice[]> {
    return ((await this.get('/api/v1/library/notices')) as { notices: Notice[] }).notices
  }

  async readNotices(upTo: number): Promise<void> {
    await this.send('POST', '/api/v1/library/notices', { up_to: upTo })
  }

  /** The newest item of this lesson; null: nothing of it is recorded. */
  async itemOf(lesson: string): Promise<LibraryItem | null> {
    const body = (await this.get(`/api/v1/library?lesson=${encodeURIComponent(lesson)}`)) as {
      items: LibraryItem[]
    }
    const newest = byDate(body.items).at(0)
    return newest ? this.item(newest.id) : null
  }

  async item(id: string): Promise<LibraryItem> {
    return (await this.get(`/api/v1/library/${encodeURIComponent(id)}`)) as LibraryItem
  }

  /**
   * A token of a few minutes for the item's media. The browser has it as a cookie, too, for what it fetches itself: a
   * download goes to disk and not through the page's memory.
   */
  async mediaToken(id: string): Promise<string> {
    return ((await this.get(`${itemPath(id)}/token`, 'POST')) as { token: string }).token
  }

  /** `headers`: of the right to the item's media (`MediaPass`). */
  async thumbnails(id: string, headers: MediaHeaders): Promise<Thumbnail[]> {
    const address = mediaUrl(id, 'sprites.vtt')
    const response = await fetch(address, { headers })
    return response.ok ? readThumbnails(await response.text(), address) : []
  }

  /** Languages of the captions there are. */
  async captions(id: string): Promise<string[]> {
    const body = (await this.get(`${itemPath(id)}/captions`)) as { captions: { language: string }[] }
    return body.captions.map((each) => each.language)
  }

  /** A WebVTT file in place of what there was in this language: how many cues were read. Raises ProblemError. */
  async putCaptions(id: string, language: string, file: Blob): Promise<number> {
    const response = await fetch(`${itemPath(id)}/captions/${encodeURIComponent(language)}`, {
      method: 'PUT',
      headers: { ...this.headers, 'Content-Type': 'text/vtt' },
      body: file,
    })
    if (!response.ok) throw await problemFrom(response)
    return ((await response.json()) as { cues: number }).cues
  }

  async composition(id: string): Promise<Composition | null> {
    const body = (await this.get(`${itemPath(id)}/compositions`)) as { compositions: Composition[] }
    return body.compositions.at(0) ?? null
  }

  async compose(id: string): Promise<Composition> {
    return (await this.get(`${itemPath(id)}/compositions`, 'POST')) as Composition
  }

  async cancelComposition(id: string): Promise<void> {
    const { headers } = this
    const response = await fetch(`${itemPath(id)}/compositions/lesson`, { method: 'DELETE', headers })
    if (!response.ok) throw await problemFrom(response)
  }

  get headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.token}`, 'Accept-Language': this.language }
  }

  private async send(method: string, path: string, body: unknown, keepalive = false): Promise<unknown> {
    const response = await fetch(path, {
      method,
      keepalive,
      headers: { ...this.headers, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw await problemFrom(response)
    return response.status === 204 ? null : response.json()
  }

  private async get(path: string, method = 'GET'): Promise<unknown> {
    const response = await fetch(path, { method, headers: this.headers })
    if (!response.ok) throw await problemFrom(response)
    return response.json()
  }
}

function itemPath(id: string): string {
  return `/api/v1/library/${encodeURIComponent(id)}`
}

export function mediaUrl(id: string, name: string): string {
  return `/media/${encodeURIComponent(id)}/${name}`
}

export function captionsUrl(id: string, language: string): string {
  return mediaUrl(id, `captions.${language}.vtt`)
}

export function filmUrl(id: string): string {
  return mediaUrl(id, 'composed.mp4')
}

/** Every picture of the item is a variant of it, under the name of its source. */
export function playlistUrl(id: string): string {
  return `/media/${encodeURIComponent(id)}/index.m3u8?angles=all`
}

/** The item as one file; of a lesson that goes on, what there was a moment ago. */
export function fileUrl(id: string): string {
  return `/media/${encodeURIComponent(id)}/lesson.mp4`
}

export function downloadUrl(id: string): string {
  return `${fileUrl(id)}?download`
}

/** Newest first. */
export function byDate(items: readonly LibraryItem[]): LibraryItem[] {
  return [...items].sort((a, b) => b.started_at.localeCompare(a.started_at))
}
