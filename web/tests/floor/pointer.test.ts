import { describe, expect, it } from 'vitest'
import { fractionAt, mayPoint, pictureBox, placeOf, pointsAt } from '@/floor/pointer'

describe('the place in the picture', () => {
  it('leaves out the bars beside it', () => {
    const wide = pictureBox({ width: 1000, height: 1000 }, { width: 1600, height: 900 })
    expect(wide).toEqual({ left: 0, top: 218.75, width: 1000, height: 562.5 })
    expect(fractionAt(wide, 500, 500)).toEqual({ x: 0.5, y: 0.5 })
    expect(fractionAt(wide, 500, 100)).toBeNull()
    const tall = pictureBox({ width: 1000, height: 500 }, { width: 300, height: 600 })
    expect(tall).toEqual({ left: 375, top: 0, width: 250, height: 500 })
    expect(fractionAt(tall, 375, 500)).toEqual({ x: 0, y: 1 })
    expect(fractionAt(tall, 374, 10)).toBeNull()
  })

  it('is the same place in every size', () => {
    const picture = { width: 1280, height: 720 }
    const here = pictureBox({ width: 640, height: 640 }, picture)
    const there = pictureBox({ width: 1920, height: 900 }, picture)
    const found = fractionAt(here, 160, 230)
    expect(found).not.toBeNull()
    if (!found) return
    const shown = placeOf(there, found)
    expect((shown.x - there.left) / there.width).toBeCloseTo(found.x)
    expect((shown.y - there.top) / there.height).toBeCloseTo(found.y)
  })

  it('is nowhere before there is a picture', () => {
    expect(fractionAt(pictureBox({ width: 0, height: 0 }, { width: 0, height: 0 }), 0, 0)).toBeNull()
  })
})

describe('who points', () => {
  it('is the master, or who shares the screen', () => {
    expect(mayPoint('master', 'm', 's', 'camera')).toBe(true)
    expect(mayPoint('student', 's', 's', 'screen')).toBe(true)
    expect(mayPoint('student', 's', 's', 'camera')).toBe(false)
    expect(mayPoint('tutor', 't', 'm', 'screen')).toBe(false)
  })

  it('points at one picture', () => {
    expect(pointsAt({ person: 'm', source: 'screen' }, 'm', 'screen')).toBe(true)
    expect(pointsAt({ person: 'm', source: 'screen' }, 'm', 'camera')).toBe(false)
    expect(pointsAt(null, 'm', 'screen')).toBe(false)
  })
})
