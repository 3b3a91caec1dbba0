import { describe, expect, it } from 'vitest'
import { addressOf, byWeight, chosen, parsePictures, type Flag, type WallLesson } from '@/network/supervision'

function lesson(id: string, flags: Flag[] = [], provider = '/c/m/', schools = ['/c/e/1/']): WallLesson {
  return {
    id,
    title: id,
    state: 'live',
    phase: 'lecture',
    starts_ms: 0,
    started_ms: 1,
    provider,
    schools,
    master: '',
    classes: 1,
    without_tutor: 0,
    pupils: 0,
    flags,
    item: '',
  }
}

describe('the answer of pictures', () => {
  it('is a line of JSON and the pictures one behind the other', async () => {
    const head = {
      next: 'e-2',
      pictures: [
        { lesson: 'a', at_ms: 1, bytes: 2 },
        { lesson: 'b', at_ms: 2, bytes: 3 },
      ],
    }
    const text = new TextEncoder().encode(`${JSON.stringify(head)}\n`)
    const { next, pictures } = parsePictures(new Uint8Array([...text, 10, 11, 12, 13, 14]))
    expect(next).toBe('e-2')
    expect(pictures.map(({ lesson: name, at_ms }) => [name, at_ms])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    const bytes = await Promise.all(
      pictures.map(async ({ data }) => [...new Uint8Array(await data.arrayBuffer())]),
    )
    expect(bytes).toEqual([
      [10, 11],
      [12, 13, 14],
    ])
  })

  it('may have none', () => {
    const text = new TextEncoder().encode('{"next":"e-0","pictures":[]}\n')
    expect(parsePictures(new Uint8Array(text)).pictures).toEqual([])
  })
})

describe('the wall', () => {
  it('shows first what is worst', () => {
    const all = [
      lesson('b'),
      lesson('late', ['late_start']),
      lesson('two', ['no_picture', 'no_sound']),
      lesson('one', ['no_picture']),
      lesson('a'),
    ]
    expect(byWeight(all).map(({ id }) => id)).toEqual(['two', 'one', 'late', 'a', 'b'])
  })

  it('chooses by place and flag', () => {
    const all = [lesson('x'), lesson('y', ['no_sound'], '/c/w/2/', ['/c/w/1/'])]
    expect(chosen(all, '/c/w/', '').map(({ id }) => id)).toEqual(['y'])
    expect(chosen(all, '/c/', 'no_sound').map(({ id }) => id)).toEqual(['y'])
    expect(chosen(all, '', '')).toHaveLength(2)
  })
})

describe('an entry', () => {
  it('leads into the lesson, or to the beginning of its recording where there is one', () => {
    const entry = { token: 'x.y', expires_at: 0, item: 'demo-1', live: true }
    expect(addressOf(entry, null)).toBe('/join#token=x.y')
    expect(addressOf(entry, 0)).toBe('/library/demo-1?at=0#token=x.y')
    expect(addressOf({ ...entry, item: '' }, 0)).toBe('/join#token=x.y')
    expect(addressOf(entry, 90_500)).toBe('/library/demo-1?at=90.5#token=x.y')
  })
})
