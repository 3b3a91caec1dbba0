import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProblemError } from '@/client/problem'
import { SECOND_FACTOR, answered, asked } from '@/network/proof'

const refusal = (kind: string) =>
  new Response(JSON.stringify({ type: `/problems/${kind}`, title: kind }), { status: 403 })
const done = () => new Response('{}', { status: 200 })

/** Until somebody is asked. */
const question = () => vi.waitFor(() => expect(asked.value).not.toBeNull())

const replace = vi.fn()

beforeEach(() => {
  vi.stubGlobal('window', { location: { pathname: '/places', search: '?words=x', replace } })
})

afterEach(() => {
  vi.unstubAllGlobals()
  replace.mockReset()
  asked.value = null
})

describe('what asks for a proof that it is you', () => {
  it('is tried again once it was shown', async () => {
    const send = vi.fn().mockResolvedValueOnce(refusal('proof-needed')).mockResolvedValueOnce(done())
    const answer = answered(send)
    await question()
    asked.value?.(true)
    expect((await answer).ok).toBe(true)
    expect(send).toHaveBeenCalledTimes(2)
    expect(asked.value).toBeNull()
  })

  it('is refused to who would rather not', async () => {
    const answer = answered(() => Promise.resolve(refusal('proof-needed')))
    await question()
    asked.value?.(false)
    await expect(answer).rejects.toBeInstanceOf(ProblemError)
  })

  it('asks once for two that come at once', async () => {
    const first = vi.fn().mockResolvedValueOnce(refusal('proof-needed')).mockResolvedValueOnce(done())
    const second = vi.fn().mockResolvedValueOnce(refusal('proof-needed')).mockResolvedValueOnce(done())
    const answers = [answered(first), answered(second)]
    await vi.waitFor(() => expect(second).toHaveBeenCalled())
    await question()
    await Promise.resolve()
    asked.value?.(true)
    expect((await Promise.all(answers)).every((each) => each.ok)).toBe(true)
  })
})

describe('an authenticator that is due', () => {
  it('is set up first, then one comes back', async () => {
    await expect(answered(() => Promise.resolve(refusal('second-factor-required')))).rejects.toThrow()
    expect(replace).toHaveBeenCalledWith(`${SECOND_FACTOR}?to=%2Fplaces%3Fwords%3Dx`)
  })

  it('leads to no other page from its own', async () => {
    vi.stubGlobal('window', { location: { pathname: SECOND_FACTOR, search: '', replace } })
    await expect(answered(() => Promise.resolve(refusal('second-factor-required')))).rejects.toThrow()
    expect(replace).not.toHaveBeenCalled()
  })

  it('is nothing to other refusals', async () => {
    await expect(answered(() => Promise.resolve(refusal('not-found')))).rejects.toThrow()
    expect(replace).not.toHaveBeenCalled()
  })
})
