/**
 * The master's last picture, kept from the moment their line is lost until they are seen again.
 *
 * The stream itself cannot be relied on for that: a `<video>` that moves to another place of the page is a new one and
 * empty, and after half a minute the server takes the stream away.
 */

import { computed, onBeforeUnmount, ref, shallowRef, watch, type Ref } from 'vue'
import type { Flow } from '@/client/stage-words'
import { isMasters } from '@/client/stage'
import { useLesson } from '@/composables/lesson'

export interface Held {
  picture: HTMLCanvasElement
  person: string
  source: string
}

/** A master who is back and sends no picture after so long will not send one: what is said then is the usual. */
const RETURN_PATIENCE_MS = 15_000

function copyOf(video: HTMLVideoElement): Held | null {
  const picture = document.createElement('canvas')
  picture.width = video.videoWidth
  picture.height = video.videoHeight
  picture.getContext('2d')?.drawImage(video, 0, 0)
  return { picture, person: video.dataset.person ?? '', source: video.dataset.source ?? '' }
}

/** `root`: where the pictures are; `flow`: of the big one. */
export function useHeldPicture(root: Ref<HTMLElement | null>, flow: Ref<Flow>) {
  const { lesson, streams, stage } = useLesson()

  const held = shallowRef<Held | null>(null)
  const returning = ref(false)
  let patience = 0

  const situation = computed(() => lesson.value?.where.floor.situation)
  const masterSeen = computed(() => {
    const { main } = stage.value
    return flow.value === 'flowing' && !!main && isMasters(main, lesson.value?.people ?? [])
  })

  /** The page is as it was: what it shows of the master now is the last there is. */
  function keep(): void {
    const people = lesson.value?.people ?? []
    const masters = new Set(
      streams.value.filter((stream) => isMasters(stream, people)).map((stream) => stream.person),
    )
    const shown = [...(root.value?.querySelectorAll<HTMLVideoElement>('video[data-person]') ?? [])].filter(
      (video) => masters.has(video.dataset.person ?? '') && video.videoWidth > 0,
    )
    const best = shown.find((video) => video.dataset.source === 'screen') ?? shown[0]
    if (best) held.value = copyOf(best)
  }

  function over(): void {
    clearTimeout(patience)
    held.value = null
    returning.value = false
  }

  function comeBack(): void {
    returning.value = true
    patience = window.setTimeout(over, RETURN_PATIENCE_MS)
  }

  watch(
    situation,
    (now, before) => {
      if (now === 'take_over') {
        over()
        keep()
      } else if (before === 'take_over' && (now === 'lecture' || now === 'interaction')) comeBack()
      else over()
    },
    { flush: 'sync' },
  )
  watch(masterSeen, (seen) => {
    if (seen && returning.value) over()
  })
  onBeforeUnmount(over)

  return { held, returning }
}
