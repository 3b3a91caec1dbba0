import { beforeEach, describe, expect, it, vi } from 'vitest'
import { FilePlayer, type FileVideo } from '@/client/file-player'
import { FakeTimers } from '../fakes'

class FakeVideo {
  src = ''
  currentTime = 0
  duration = NaN
  readonly play = vi.fn(() => Promise.resolve())
  readonly load = vi.fn()
  private readonly listeners = new Map<string, () => void>()

  removeAttribute(): void {
    this.src = ''
  }

  addEventListener(name: string, listener: () => void): void {
    this.listeners.set(name, listener)
  }

  removeEventListener(name: string): void {
    this.listeners.delete(name)
  }

  happens(name: string): void {
    this.listeners.get(name)?.()
  }

  arrives(duration: number): void {
    this.duration = duration
    this.happens('loadedmetadata')
  }
}

let video: FakeVideo
let timers: FakeTimers
let live: boolean
const events = { onAngles: vi.fn(), onFailure: vi.fn() }

function player(): FilePlayer {
  return new FilePlayer(video as unknown as FileVideo, '/lesson.mp4', () => live, events, timers)
}

beforeEach(() => {
  video = new FakeVideo()
  timers = new FakeTimers()
  live = true
  vi.clearAllMocks()
})

describe('an item played as one file', () => {
  it('plays a complete item from its beginning', () => {
    live = false
    const complete = player()
    video.arrives(600)
    expect(video.src).toBe('/lesson.mp4')
    expect(video.currentTime).toBe(0)
    expect(complete.behindLive()).toBeNull()
    expect(events.onAngles).toHaveBeenCalledWith([{ index: 0, name: '', track: '' }], 0)
  })

  it('goes on where it was when a lesson that goes on has grown', () => {
    player()
    video.arrives(60)
    const first = video.src
    video.currentTime = 60
    video.happens('ended')
    timers.pass(5_000)
    expect(video.src).not.toBe(first)
    video.arrives(80)
    expect(video.currentTime).toBe(60)
    expect(video.play).toHaveBeenCalledOnce()
  })

  it('looks no further when the lesson ended meanwhile', () => {
    player()
    video.arrives(60)
    const { src } = video
    live = false
    video.happens('ended')
    timers.pass(60_000)
    expect(video.src).toBe(src)
  })

  it('says how far behind it is and goes to the end', () => {
    const lesson = player()
    video.arrives(60)
    expect(lesson.behindLive()).toBe(60)
    lesson.toLive()
    video.arrives(70)
    expect(video.currentTime).toBe(69)
    expect(lesson.behindLive()).toBe(0)
  })

  it('tells when the file cannot be played', () => {
    player()
    video.happens('error')
    expect(events.onFailure).toHaveBeenCalledWith(0)
  })

  it('leaves nothing behind', () => {
    const lesson = player()
    video.arrives(60)
    video.happens('ended')
    lesson.close()
    timers.pass(60_000)
    video.happens('error')
    expect(video.src).toBe('')
    expect(events.onFailure).not.toHaveBeenCalled()
  })
})
