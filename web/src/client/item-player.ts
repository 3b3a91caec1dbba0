/** The player that an item needs: its playlist, or, where the browser cannot play that, its one file. */

import { FilePlayer } from './file-player'
import { fileUrl, playlistUrl, type LibraryItem } from './library'
import type { MediaPass } from './media-pass'
import { LibraryPlayer, playsPlaylist, type ItemPlayer, type PlayerEvents } from './player'
import { browserTimers } from './timers'

/** `pass`: open already; `live`: whether the item still grows. */
export function openItem(
  element: HTMLVideoElement,
  item: LibraryItem,
  pass: MediaPass,
  live: () => boolean,
  events: PlayerEvents,
): ItemPlayer {
  return playsPlaylist(item.tracks.map((track) => track.codec))
    ? new LibraryPlayer(element, playlistUrl(item.id), pass, events)
    : new FilePlayer(element, fileUrl(item.id), live, events, browserTimers)
}
