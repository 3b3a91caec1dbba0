/**
 * Pointing at a picture: where the picture lies in its element, how often a move is said, and when a pointer fades.
 * Pure. Coordinates on the wire are fractions of the picture itself, without the bars beside it.
 */

import type { Pointer } from '@/protocol/messages'

/** The server passes on ten a second. */
export const MOVE_EVERY_MS = 100
/** Who holds the pointer still says so again, before it fades. */
export const HOLD_EVERY_MS = 1_000
/** A pointer that has not moved for so long fades. */
export const FADE_AFTER_MS = 2_000

export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** Where the picture lies in an element of this size that shows it whole (`object-fit: contain`), px. */
export function pictureBox(
  element: { width: number; height: number },
  picture: { width: number; height: number },
): Box {
  if (picture.width <= 0 || picture.height <= 0) return { left: 0, top: 0, ...element }
  const scale = Math.min(element.width / picture.width, element.height / picture.height)
  const width = picture.width * scale
  const height = picture.height * scale
  return { left: (element.width - width) / 2, top: (element.height - height) / 2, width, height }
}

/** The place in the picture, as fractions; null: beside it. `x`, `y`: px in the element. */
export function fractionAt(box: Box, x: number, y: number): { x: number; y: number } | null {
  if (box.width <= 0 || box.height <= 0) return null
  const found = { x: (x - box.left) / box.width, y: (y - box.top) / box.height }
  const inside = found.x >= 0 && found.x <= 1 && found.y >= 0 && found.y <= 1
  return inside ? found : null
}

/** px in the element. */
export function placeOf(box: Box, pointer: { x: number; y: number }): { x: number; y: number } {
  return { x: box.left + pointer.x * box.width, y: box.top + pointer.y * box.height }
}

/** Whether this pointer is one on that picture. */
export function pointsAt(
  pointer: Pick<Pointer, 'person' | 'source'> | null,
  person: string,
  source: string,
): boolean {
  return pointer !== null && pointer.person === person && pointer.source === source
}

/** Who may point at which picture, as the server sees it. */
export function mayPoint(role: string, me: string, person: string, source: string): boolean {
  return role === 'master' || (person === me && source === 'screen')
}
