/** Small pictures for the scrub bar: which part of which sheet shows a time (WebVTT with `#xywh=`). */

export interface Thumbnail {
  startS: number
  endS: number
  /** Address of the sheet. */
  url: string
  left: number
  top: number
  width: number
  height: number
}

const CUE = /^(\S+) --> (\S+)\s*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/gm

/** `base`: where the file was fetched from. */
export function readThumbnails(text: string, base: string): Thumbnail[] {
  const found: Thumbnail[] = []
  for (const [, start = '', end = '', name = '', left, top, width, height] of text.matchAll(CUE)) {
    found.push({
      startS: seconds(start),
      endS: seconds(end),
      url: base.replace(/[^/]*$/, name),
      left: Number(left),
      top: Number(top),
      width: Number(width),
      height: Number(height),
    })
  }
  return found
}

export function thumbnailAt(thumbnails: readonly Thumbnail[], atS: number): Thumbnail | undefined {
  return thumbnails.find((each) => atS >= each.startS && atS < each.endS)
}

function seconds(clock: string): number {
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
