/**
 * The token's way into the page: it comes in the URL's fragment (never sent to a server), goes into sessionStorage
 * and leaves the address bar at once, so that a shared screen or a copied address does not give it away.
 */

import type { Role } from '@/protocol/messages'
import { problemFrom } from './problem'

const KEY = 'tongke.token'

/** What the page may show before the server has said who this is; the server alone decides what is true. */
export interface Claims {
  role: Role
  lesson: string
  name: string
  /** Of a link for many: it is exchanged for a token of one's own. */
  join: boolean
  /** Unix time in seconds; 0 when the token does not expire. */
  expires: number
}

export interface TokenStore {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

export function fragmentToken(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? ''
}

/** Takes the token out of the address bar when there is one, and returns the token in force (empty: none). */
export function takeToken(location: Location, history: History, store: TokenStore): string {
  const token = fragmentToken(location.hash)
  if (token) {
    store.setItem(KEY, token)
    history.replaceState(history.state, '', location.pathname + location.search)
  }
  return store.getItem(KEY) ?? ''
}

/** From the link of a class to a token of one's own. Raises ProblemError. */
export async function exchangeToken(link: string, name: string, language: string): Promise<string> {
  const response = await fetch('/api/v1/join', {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${link}`,
      'Accept-Language': language,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ name }),
  })
  if (!response.ok) throw await problemFrom(response)
  return text(((await response.json()) as { token?: unknown }).token)
}

const ROLES: readonly string[] = ['master', 'tutor', 'room', 'student', 'supervisor', 'encoder', 'organizer']

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function decodeSegment(segment: string): unknown {
  const base64 = segment.replace(/-/g, '+').replace(/_/g, '/')
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}

/** Keeps this token for the tab, in place of the one it came with. */
export function keepToken(token: string, store: TokenStore): void {
  store.setItem(KEY, token)
}

/** Reads the claims of a JWT without checking its signature; null when it is none. */
export function readClaims(token: string): Claims | null {
  const segment = token.split('.')[1]
  if (!segment) return null
  try {
    const claims = decodeSegment(segment) as Record<string, unknown>
    const role = text(claims.role)
    if (!ROLES.includes(role)) return null
    return {
      role: role as Role,
      lesson: text(claims.lesson),
      name: text(claims.name),
      join: claims.join === true,
      expires: typeof claims.exp === 'number' ? claims.exp : 0,
    }
  } catch {
    return null
  }
}
