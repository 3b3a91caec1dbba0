/** What goes where on a page: the big picture, the small one, the wall of classes, and all that is heard. Pure. */

import type { PersonView } from '@/protocol/messages'
import type { ReceivedStream } from './receiver'

export interface Stage {
  main: ReceivedStream | null
  inset: ReceivedStream | null
  /** The classes' own pictures, for those who look after them. */
  wall: ReceivedStream[]
  audio: ReceivedStream[]
}

export const EMPTY_STAGE: Stage = { main: null, inset: null, wall: [], audio: [] }

function roleOf(stream: ReceivedStream, people: readonly PersonView[]): string {
  return people.find((person) => person.id === stream.person)?.role ?? ''
}

/** Who is in the spotlight is shown large; a screen is what the classes read; then the master, then the encoder that sends for them, then anybody. */
function rank(stream: ReceivedStream, people: readonly PersonView[], spotlight: string): number {
  if (spotlight && stream.person === spotlight) return -1
  if (stream.source === 'screen') return 0
  const role = roleOf(stream, people)
  if (role === 'master') return 1
  return role === 'encoder' || stream.source.endsWith('.video') ? 2 : 3
}

/** `watched`: the viewer is somebody who watches over classes, so cameras of tutors and rooms go to the wall. */
export function arrange(
  streams: readonly ReceivedStream[],
  people: readonly PersonView[],
  watched: boolean,
  spotlight = '',
): Stage {
  const onWall = (stream: ReceivedStream) =>
    watched && stream.person !== spotlight && ['tutor', 'room'].includes(roleOf(stream, people))
  const pictures = streams.filter((stream) => stream.kind === 'video')
  const stage = pictures
    .filter((stream) => !onWall(stream))
    .map((stream, index) => ({ stream, index, rank: rank(stream, people, spotlight) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((entry) => entry.stream)
  return {
    main: stage[0] ?? null,
    inset: stage[1] ?? null,
    wall: pictures.filter(onWall),
    audio: streams.filter((stream) => stream.kind === 'audio'),
  }
}
