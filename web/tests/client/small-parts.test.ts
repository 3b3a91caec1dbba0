import { describe, expect, it } from 'vitest'
import { waitBefore } from '@/client/backoff'
import { decodableCodecs, onlyCodec, preferCodec } from '@/client/codecs'
import { problemOf } from '@/client/devices'
import { levelOf } from '@/client/level'
import { byDate, type LibraryItem } from '@/client/library'
import { mediaState } from '@/client/media-state'
import { readOverrides } from '@/client/overrides'
import { parseProblem } from '@/client/problem'
import { fragmentToken, readClaims, takeToken } from '@/client/token'

describe('waiting before the next attempt', () => {
  it('grows to a limit, half of it by chance', () => {
    expect([0, 1, 2, 3].map((attempt) => waitBefore(attempt, 0))).toEqual([150, 300, 600, 1200])
    expect(waitBefore(0, 0.999)).toBeCloseTo(300, 0)
    expect(waitBefore(1_000, 0.999)).toBeLessThanOrEqual(8_000)
  })
})

describe('codecs', () => {
  const codecs = [
    { mimeType: 'video/VP8' },
    { mimeType: 'video/rtx' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=640032' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
  ]

  it('offers constrained baseline H.264 in packetization mode 1 first', () => {
    expect(preferCodec(codecs, 'H264').map((codec) => codecs.indexOf(codec))).toEqual([4, 3, 2, 0, 1])
  })

  it('offers another one alone when asked', () => {
    expect(onlyCodec(codecs, 'VP8').map((codec) => codecs.indexOf(codec))).toEqual([0, 1])
  })

  it('names what can be decoded, once each', () => {
    expect(decodableCodecs(codecs)).toEqual(['VP8', 'H264'])
  })
})

describe('the token', () => {
  const payload = btoa(
    String.fromCharCode(
      ...new TextEncoder().encode('{"role":"student","lesson":"demo","name":"小明","exp":9}'),
    ),
  )
  const token = `x.${payload.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}.y`

  it('leaves the address bar at once and stays with the tab', () => {
    const kept = new Map<string, string>()
    const store = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    }
    const shown: string[] = []
    const history = {
      state: null,
      replaceState: (_: unknown, __: string, url: string) => shown.push(url),
    } as unknown as History
    const location = { hash: `#token=${token}`, pathname: '/join', search: '?view=room' } as Location
    expect(takeToken(location, history, store)).toBe(token)
    expect(shown).toEqual(['/join?view=room'])
    expect(takeToken({ ...location, hash: '' }, history, store)).toBe(token)
    expect(shown).toHaveLength(1)
  })

  it('tells who it is for', () => {
    expect(readClaims(token)).toEqual({
      role: 'student',
      lesson: 'demo',
      name: '小明',
      join: false,
      expires: 9,
    })
  })

  it.each(['', 'x', 'x.y.z', 'x.bnVsbA.z', `x.${btoa('{"role":"king"}')}.z`])(
    'that is none has no claims: %s',
    (text) => {
      expect(readClaims(text)).toBeNull()
    },
  )

  it('is empty without a fragment', () => {
    expect(fragmentToken('')).toBe('')
    expect(fragmentToken('#other=1')).toBe('')
  })
})

it('reads the overrides of an address', () => {
  expect(readOverrides('?view=room&codec=VP8&force=tcp&lang=en')).toEqual({
    view: 'room',
    codec: 'VP8',
    force: 'tcp',
    simulcast: true,
    language: 'en',
  })
  expect(readOverrides('?view=x&force=udp&simulcast=0')).toEqual({
    view: '',
    codec: '',
    force: '',
    simulcast: false,
    language: '',
  })
})

it('knows a connection that comes back from one that comes up', () => {
  expect(mediaState('none', 'connecting')).toBe('connecting')
  expect(mediaState('connected', 'connecting')).toBe('recovering')
  expect(mediaState('recovering', 'connected')).toBe('connected')
  expect(mediaState('connected', 'closed')).toBe('none')
})

it('names what is wrong with a device', () => {
  const named = (name: string) => problemOf(new DOMException('', name))
  expect(['NotAllowedError', 'NotFoundError', 'NotReadableError', 'TypeError'].map(named)).toEqual([
    'denied',
    'missing',
    'busy',
    'failed',
  ])
})

it('meters silence as nothing and full scale as everything', () => {
  expect(levelOf(new Float32Array(8))).toBe(0)
  expect(levelOf(new Float32Array(8).fill(1))).toBe(1)
  expect(levelOf(new Float32Array(8).fill(0.1))).toBeCloseTo(2 / 3, 2)
})

it('reads problem documents, and bodies that are none', () => {
  const body = { type: '/problems/token-expired', title: '链接已过期', detail: '请要新的链接。', status: 401 }
  expect(parseProblem(body)).toEqual({ kind: 'token-expired', title: '链接已过期', detail: '请要新的链接。' })
  expect(parseProblem(null)).toEqual({ kind: '', title: '', detail: '' })
})

describe('the library', () => {
  const item = (id: string, title: string, started: string): LibraryItem => ({
    id,
    title,
    lesson: 'demo',
    state: 'ready',
    started_at: started,
    duration_s: 1,
    tracks: [],
    complete: 1,
  })
  const old = item('1', '认识月食 Eclipse', '2026-01-01T00:00:00Z')
  const young = item('2', '显微镜', '2026-02-01T00:00:00Z')

  it('shows the newest first', () => {
    expect(byDate([old, young])).toEqual([young, old])
  })
})
