/** The library over HTTP. */

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
}

/** A moment of the lesson by which people find their way. */
export interface Chapter {
  at_s: number
  kind: string
  title: string
}

/** The composed film of an item. */
export interface Composition {
  id: string
  state: 'queued' | 'running' | 'ready' | 'failed'
  /** 0 to 1. */
  done: number
}

export class LibraryClient {
  constructor(
    private readonly token: string,
    private readonly language: string,
  ) {}

  async list(): Promise<LibraryItem[]> {
    const body = (await this.get('/api/v1/library')) as { items: LibraryItem[] }
    return body.items
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

  /** Lets the browser itself ask for media (a download goes to disk and not through the page's memory). */
  async allowMedia(): Promise<void> {
    const response = await fetch('/api/v1/media-cookie', { method: 'POST', headers: this.headers })
    if (!response.ok) throw await problemFrom(response)
  }

  async chapters(id: string): Promise<Chapter[]> {
    const body = await this.get(`${itemPath(id)}/chapters`)
    return Array.isArray(body) ? (body as Chapter[]) : (body as { chapters: Chapter[] }).chapters
  }

  async thumbnails(id: string): Promise<Thumbnail[]> {
    const address = mediaUrl(id, 'sprites.vtt')
    const response = await fetch(address, { headers: this.headers })
    return response.ok ? readThumbnails(await response.text(), address) : []
  }

  /** Languages of the captions there are. */
  async captions(id: string): Promise<string[]> {
    const body = (await this.get(`${itemPath(id)}/captions`)) as { captions: { language: string }[] }
    return body.captions.map((each) => each.language)
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

export function matches(item: LibraryItem, words: string): boolean {
  const text = `${item.title} ${item.lesson} ${item.id}`.toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}
