/** The player that an item needs: its playlist, or, where the browser cannot play that, its one file. */

import { FilePlayer } from './file-player'
import { fileUrl, playlistUrl, type LibraryClient, type LibraryItem } from './library'
import { LibraryPlayer, playsPlaylist, type ItemPlayer, type PlayerEvents } from './player'
import { browserTimers } from './timers'

/** `live`: whether the item still grows. The media cookie must be there (`LibraryClient.allowMedia`). */
export function openItem(
  element: HTMLVideoElement,
  item: LibraryItem,
  client: LibraryClient,
  live: () => boolean,
  events: PlayerEvents,
): ItemPlayer {
  return playsPlaylist(item.tracks.map((track) => track.codec))
    ? new LibraryPlayer(element, playlistUrl(item.id), client.headers, events)
    : new FilePlayer(element, fileUrl(item.id), live, events, browserTimers)
}
