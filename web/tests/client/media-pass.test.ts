import { beforeEach, describe, expect, it, vi } from 'vitest'
import { MediaPass } from '@/client/media-pass'
import { ProblemError, type Problem } from '@/client/problem'
import { FakeTimers } from '../fakes'

const GONE: Problem = { kind: 'item-not-allowed', title: 'Not for you', detail: 'It was taken away.' }

let timers: FakeTimers
let answers: (string | Error)[]
let asked: number
const refused = vi.fn()

function ask(): Promise<string> {
  asked += 1
  const answer = answers.length > 1 ? answers.shift() : answers[0]
  return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? '')
}

async function opened(): Promise<MediaPass> {
  const pass = new MediaPass(ask, refused, timers)
  await pass.open()
  return pass
}

async function pass(ms: number): Promise<void> {
  timers.pass(ms)
  await Promise.resolve()
  await Promise.resolve()
}

beforeEach(() => {
  timers = new FakeTimers()
  answers = ['first', 'second']
  asked = 0
  refused.mockReset()
})

describe('the right to media', () => {
  it('is a token that is renewed before it ends', async () => {
    const right = await opened()
    expect(right.headers).toEqual({ Authorization: 'Bearer first' })
    await pass(30_000)
    expect(right.headers).toEqual({ Authorization: 'Bearer second' })
  })

  it('is asked for at least once within forty seconds', async () => {
    await opened()
    for (let minute = 1; minute <= 60; minute += 1) {
      const before = asked
      await pass(40_000)
      expect(asked).toBeGreaterThan(before)
    }
  })

  it('ends with the words of the server, said once', async () => {
    answers = ['first', new ProblemError(GONE, 403)]
    const right = await opened()
    await pass(30_000)
    await pass(300_000)
    expect(refused).toHaveBeenCalledExactlyOnceWith(GONE)
    expect(await right.renew()).toBe(false)
  })

  it.each([new TypeError('no network'), new ProblemError({ ...GONE, kind: 'not-ready' }, 503)])(
    'outlives a server that does not answer: %s',
    async (failure) => {
      answers = ['first', failure, 'second']
      const right = await opened()
      await pass(30_000)
      expect(right.headers).toEqual({ Authorization: 'Bearer first' })
      await pass(5_000)
      expect(right.headers).toEqual({ Authorization: 'Bearer second' })
      expect(refused).not.toHaveBeenCalled()
    },
  )

  it('is not asked for once the player is closed', async () => {
    const right = await opened()
    right.close()
    await pass(300_000)
    expect(asked).toBe(1)
  })

  it('raises what the server says to the first question', async () => {
    answers = [new ProblemError(GONE, 403)]
    await expect(opened()).rejects.toThrow('Not for you')
  })
})
