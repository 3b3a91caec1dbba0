import { beforeEach, describe, expect, it, vi } from 'vitest'
import { BELIEVE_MS, Fallback, GIVE_UP_MS } from '@/client/fallback'
import { FakeTimers } from '../fakes'

let timers: FakeTimers
const changed = vi.fn()
let fallback: Fallback

beforeEach(() => {
  timers = new FakeTimers()
  vi.clearAllMocks()
  fallback = new Fallback(timers, changed)
})

describe('media that does not get through', () => {
  it('is given up for the playlist after a while, and believed again once it comes', () => {
    fallback.observe('connecting', true)
    timers.pass(GIVE_UP_MS - 1)
    expect(fallback.active).toBe(false)
    fallback.observe('recovering', true)
    timers.pass(1)
    expect(changed).toHaveBeenLastCalledWith(true)
    fallback.observe('connected', true)
    timers.pass(BELIEVE_MS - 1)
    fallback.observe('recovering', true)
    timers.pass(GIVE_UP_MS * 2)
    expect(fallback.active).toBe(true)
    fallback.observe('connected', true)
    timers.pass(BELIEVE_MS)
    expect(changed).toHaveBeenLastCalledWith(false)
    expect(changed).toHaveBeenCalledTimes(2)
  })

  it('is not missed where none is due, nor when it comes in time', () => {
    fallback.observe('recovering', false)
    timers.pass(GIVE_UP_MS * 3)
    fallback.observe('connecting', true)
    timers.pass(GIVE_UP_MS - 1)
    fallback.observe('connected', true)
    timers.pass(GIVE_UP_MS)
    expect(changed).not.toHaveBeenCalled()
    fallback.close()
  })
})
