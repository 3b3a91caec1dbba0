/** What the pictures of an item are called, so that no two are called the same. */

import type { LibraryItem } from './library'
import type { Angle } from './player'

/**
 * By source alone, where that says which; else with whose it is (name, class), and if that is not enough with a number.
 * `source`: the words for a source. One name for each angle, in their order.
 */
export function angleNames(
  angles: readonly Angle[],
  item: Pick<LibraryItem, 'tracks' | 'senders'> | null,
  source: (name: string) => string,
): string[] {
  const short = angles.map((each) => source(each.name))
  const long = short.map((name, index) =>
    isTwice(name, short) ? withWhose(name, angles[index], item) : name,
  )
  return long.map((name, index) => {
    const before = long.slice(0, index).filter((other) => other === name).length
    return before ? `${name} ${String(before + 1)}` : name
  })
}

function isTwice(name: string, names: readonly string[]): boolean {
  return names.indexOf(name) !== names.lastIndexOf(name)
}

function withWhose(
  name: string,
  angle: Angle | undefined,
  item: Pick<LibraryItem, 'tracks' | 'senders'> | null,
): string {
  const person = item?.tracks.find((track) => track.id === angle?.track)?.person
  const whose = item?.senders?.find((sender) => sender.person === person)
  return [name, whose?.name, whose?.class_name].filter(Boolean).join(' · ')
}
