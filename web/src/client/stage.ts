/** What goes where on a page: the big picture, the small ones, the wall of classes, and all that is heard. Pure. */

import type { PersonView } from '@/protocol/messages'
import type { ReceivedStream } from './receiver'

export interface Stage {
  main: ReceivedStream | null
  /** The most important first. */
  insets: ReceivedStream[]
  /** The classes' own pictures, for those who look after them. */
  wall: ReceivedStream[]
  audio: ReceivedStream[]
}

export const EMPTY_STAGE: Stage = { main: null, insets: [], wall: [], audio: [] }

/** How a page looks at what it receives. */
export interface Viewpoint {
  people: readonly PersonView[]
  /** Somebody who watches over classes: cameras of tutors and rooms go to the wall. */
  watched: boolean
  /** Id of who is in the spotlight; empty: nobody. */
  spotlight: string
  /** Ids of those whose face goes before the master's: the own tutor of a class by itself. */
  leading: readonly string[]
  /** The master's line is lost: what still stands of their pictures is not for the stage. */
  masterless: boolean
}

const OF_THE_MASTER: readonly string[] = ['master', 'encoder']
const OF_A_ROOM: readonly string[] = ['tutor', 'room']

function roleOf(stream: ReceivedStream, people: readonly PersonView[]): string {
  return people.find((person) => person.id === stream.person)?.role ?? ''
}

/** Whether it is the master's picture or sound, or that of an encoder that sends for them. */
export function isMasters(stream: ReceivedStream, people: readonly PersonView[]): boolean {
  return OF_THE_MASTER.includes(roleOf(stream, people)) || stream.source.endsWith('.video')
}

/** Who is in the spotlight is shown large; a screen is what the classes read; then who leads here, the master, the encoder that sends for them, anybody. */
function rank(stream: ReceivedStream, view: Viewpoint): number {
  if (view.spotlight && stream.person === view.spotlight) return 0
  if (stream.source === 'screen') return 1
  if (view.leading.includes(stream.person)) return 2
  if (roleOf(stream, view.people) === 'master') return 3
  return isMasters(stream, view.people) ? 4 : 5
}

export function arrange(streams: readonly ReceivedStream[], view: Viewpoint): Stage {
  const large = [view.spotlight, ...view.leading]
  const onWall = (stream: ReceivedStream) =>
    view.watched && !large.includes(stream.person) && OF_A_ROOM.includes(roleOf(stream, view.people))
  const pictures = streams.filter((stream) => stream.kind === 'video')
  const stage = pictures
    .filter((stream) => !onWall(stream) && !(view.masterless && isMasters(stream, view.people)))
    .map((stream, index) => ({ stream, index, rank: rank(stream, view) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((entry) => entry.stream)
  return {
    main: stage[0] ?? null,
    insets: stage.slice(1),
    wall: pictures.filter(onWall),
    audio: streams.filter((stream) => stream.kind === 'audio'),
  }
}
