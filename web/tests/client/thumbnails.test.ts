import { describe, expect, it } from 'vitest'
import { readThumbnails, thumbnailAt } from '@/client/thumbnails'

const TEXT = `WEBVTT

00:00:00.000 --> 00:00:10.000
sprites.0.jpg#xywh=0,0,160,90

01:00:10.000 --> 01:00:12.500
sprites.3.jpg?t=a.b#xywh=160,90,160,90
`

describe('small pictures of the scrub bar', () => {
  it('are found by time, at the address of their sheet', () => {
    const found = readThumbnails(TEXT, '/media/demo-1/sprites.vtt')
    expect(thumbnailAt(found, 3)?.url).toBe('/media/demo-1/sprites.0.jpg')
    expect(thumbnailAt(found, 3611)).toMatchObject({
      url: '/media/demo-1/sprites.3.jpg?t=a.b',
      left: 160,
      top: 90,
    })
    expect(thumbnailAt(found, 100)).toBeUndefined()
    expect(readThumbnails('nonsense', '/x')).toEqual([])
  })
})
