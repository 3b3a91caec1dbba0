import { describe, expect, it } from 'vitest'
import { angleNames } from '@/client/angle-names'
import type { LibraryTrack } from '@/client/library'

const WORDS: Record<string, string> = { camera: '摄像头', screen: '屏幕' }
const SENDERS = [
  { person: 'm', name: '张老师', class_name: '' },
  { person: 't', name: '李老师', class_name: '一班' },
  { person: 'p', name: '', class_name: '二班' },
  { person: 'q', name: '', class_name: '二班' },
]

function named(...pictures: [person: string, source: string][]): string[] {
  const tracks = pictures.map(([person, source], index): LibraryTrack => ({
    id: `t${String(index)}`,
    kind: 'video',
    codec: 'avc1.42e01f',
    duration_s: 1,
    gaps: [],
    person,
    source,
  }))
  const angles = pictures.map(([, name], index) => ({ index, name, track: `t${String(index)}` }))
  return angleNames(angles, { tracks, senders: SENDERS }, (source) => WORDS[source] ?? source)
}

describe('names of angles', () => {
  it('are short where the source says which', () => {
    expect(named(['m', 'camera'], ['m', 'screen'])).toEqual(['摄像头', '屏幕'])
  })

  it('say whose it is where two are of one kind', () => {
    expect(named(['m', 'camera'], ['m', 'screen'], ['t', 'camera'])).toEqual([
      '摄像头 · 张老师',
      '屏幕',
      '摄像头 · 李老师 · 一班',
    ])
  })

  it('tell pupils of one class apart by numbers, and those of whom nothing is known', () => {
    expect(named(['p', 'camera'], ['q', 'camera'])).toEqual(['摄像头 · 二班', '摄像头 · 二班 2'])
    expect(named(['x', 'camera'], ['y', 'camera'])).toEqual(['摄像头', '摄像头 2'])
  })
})
