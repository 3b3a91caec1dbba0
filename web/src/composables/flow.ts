/** Whether a `<video>` moves. */

import { onBeforeUnmount, ref, watch, type Ref } from 'vue'
import type { Flow } from '@/client/stage-words'

/** A still screen is sent about once a second; two of those lost are no reason for alarm. */
const HELD_AFTER_MS = 4_000
const LOOK_EVERY_MS = 500

export function useFlow(video: Ref<HTMLVideoElement | null>) {
  const flow = ref<Flow>('waiting')
  let painted = 0
  let lastTime = -1

  function look(): void {
    const element = video.value
    // A hidden page paints nothing, which says nothing about the picture.
    if (!element || document.hidden) {
      painted = performance.now()
      return
    }
    const frames = element.getVideoPlaybackQuality().totalVideoFrames + element.currentTime * 1e-3
    const now = performance.now()
    if (frames !== lastTime && element.videoWidth > 0) {
      lastTime = frames
      painted = now
      flow.value = 'flowing'
    } else if (flow.value === 'flowing' && now - painted > HELD_AFTER_MS) {
      flow.value = 'held'
    }
  }

  const timer = setInterval(look, LOOK_EVERY_MS)
  // The first picture is not kept waiting.
  watch(video, (element) => element?.addEventListener('loadeddata', look), { immediate: true })
  onBeforeUnmount(() => {
    clearInterval(timer)
  })
  return {
    flow,
    /** To be called when the first picture is there; else it would be seen half a second later. */
    look,
    restart() {
      flow.value = 'waiting'
      lastTime = -1
    },
  }
}
