/** The course network over HTTP, as who is signed in: the browser sends the cookie by itself. */

import { currentLanguage } from '@/i18n'
import { answered } from './proof'

export type OfficeName =
  'organizer' | 'provider' | 'master' | 'tutor' | 'student' | 'parent' | 'supervisor' | 'researcher'

export interface PlaceName {
  id: string
  kind: 'city' | 'district' | 'school' | 'provider'
  name: string
  timezone: string
}

export interface OfficeView {
  id: string
  office: OfficeName
  /** null: everywhere. */
  place: PlaceName | null
  class_id: string
  class_name: string
  course: string
  subject: string
  about: string
  about_name: string
  /** Unix times in ms; null: until it is revoked. */
  from_ms: number
  until_ms: number | null
}

export interface WhoAmI {
  person: string
  name: string
  login: string
  has_password: boolean
  second_factor: boolean
  /** One of their offices asks for an authenticator, and there is none yet. */
  second_factor_due: boolean
  recovery_codes: number
  offices: OfficeView[]
}

export interface SignInView {
  id: string
  way: 'password' | 'openid' | 'invitation'
  since_ms: number
  seen_ms: number
  ends_ms: number
  /** The one of this browser. */
  this: boolean
}

/** `path('places', id)`: each part as it stands in an address. */
export const path = (...parts: string[]) => `/api/v1/${parts.map(encodeURIComponent).join('/')}`

/** Raises ProblemError; TypeError where there is no network. */
export async function ask<T>(method: string, url: string, body?: object): Promise<T> {
  const headers: Record<string, string> = { 'Accept-Language': currentLanguage() }
  if (body) headers['Content-Type'] = 'application/json'
  const sent = { method, headers, body: body ? JSON.stringify(body) : undefined }
  const response = await answered(() => fetch(url, sent))
  return (response.status === 204 ? null : await response.json()) as T
}

export const whoami = () => ask<WhoAmI>('GET', path('whoami'))

/** `code`: of an authenticator, when the server asks for one (`second-factor-needed`). */
export const signIn = (login: string, password: string, keep: boolean, code = '') =>
  ask<null>('POST', path('sign-in'), { login, password, keep, code })

/** Signed in anew, as who one is. */
export const prove = (password: string, code: string) =>
  ask<null>('POST', path('sign-ins', 'prove'), { password, code })

export interface FactorBegun {
  secret: string
  uri: string
  /** A picture of `uri` for a phone's camera, as a data URI. */
  qr: string
}

/** An authenticator, to be confirmed by its first code. */
export const setUpFactor = (password: string) => ask<FactorBegun>('POST', path('second-factor'), { password })

/** Recovery codes, as the next one. */
export const confirmFactor = async (code: string) =>
  (await ask<{ codes: string[] }>('POST', path('second-factor', 'confirm'), { code })).codes

export const renewCodes = async (password: string, code: string) =>
  (await ask<{ codes: string[] }>('POST', path('second-factor', 'recovery-codes'), { password, code })).codes

export const dropFactor = (password: string, code: string) =>
  ask<null>('POST', path('second-factor', 'drop'), { password, code })

/** Why the single sign-on let nobody in; the pages have words for each. */
const REFUSALS = ['away', 'refused', 'unknown', 'over', 'often', 'here']

export const isRefusal = (said: unknown): said is string => REFUSALS.includes(String(said))

/** `openid`: what the single sign-on is called; empty: there is none. */
export const signInWays = () => ask<{ openid: string }>('GET', path('sign-in', 'ways'))

/** Where the browser goes to sign in by it; `again`: also who is still signed in there shows that it is they. */
export function singleSignOn(to: unknown, keep: boolean, again = false): string {
  const asked = new URLSearchParams({ to: wayOn(to), keep: String(keep) })
  if (again) asked.set('again', 'true')
  return `${path('sign-in', 'openid')}?${asked}`
}

/** `then`: where the browser goes on to, the single sign-on by which one came; empty: nowhere. */
export const signOut = () => ask<{ then: string }>('POST', path('sign-out'))

export const changePassword = (old: string, fresh: string) =>
  ask<null>('POST', path('password'), { old, new: fresh })

export const signIns = async () => (await ask<{ sign_ins: SignInView[] }>('GET', path('sign-ins'))).sign_ins

export const endSignIn = (id: string) => ask<null>('DELETE', path('sign-ins', id))

/** What the bearer of an invitation is told. */
export interface InvitedTo {
  place: string
  class_name: string
  /** null: to an account that is there, of `name` and `login`. */
  office: OfficeName | null
  name: string
  login: string
  ends_ms: number
}

export interface Acceptance {
  code: string
  password: string
  keep: boolean
  name?: string
  login?: string
}

/** Of a link `/invite#code=...`; empty: there is none. */
export const invitationCode = (fragment: string) =>
  new URLSearchParams(fragment.replace(/^#/, '')).get('code') ?? ''

export const lookAtInvitation = (code: string) =>
  ask<InvitedTo>('POST', path('invitations', 'look'), { code: code || '-' })

export const acceptInvitation = (acceptance: Acceptance) =>
  ask<null>('POST', path('invitations', 'accept'), acceptance)

/** Where to go after signing in: a path of ours that the address names, never another site. */
export function wayOn(wished: unknown): string {
  if (typeof wished !== 'string' || !wished.startsWith('/') || wished.startsWith('//')) return '/me'
  const url = new URL(wished, 'http://tongke.invalid')
  const ours = url.origin === 'http://tongke.invalid' && !wished.includes('\\')
  return ours && url.pathname !== '/sign-in' ? url.pathname + url.search + url.hash : '/me'
}
