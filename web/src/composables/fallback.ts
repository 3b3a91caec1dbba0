/** Whether the page plays the lesson from its playlist because no media comes over its connection. */

import { onBeforeUnmount, ref, watch, type Ref } from 'vue'
import { Fallback } from '@/client/fallback'
import { browserTimers } from '@/client/timers'
import { useLesson } from './lesson'

export function useFallback(): Ref<boolean> {
  const { lesson, connection, receiving } = useLesson()
  const active = ref(false)
  const fallback = new Fallback(browserTimers, (changed) => (active.value = changed))
  watch(
    [receiving, connection, () => lesson.value?.state],
    () => {
      const expected = connection.value === 'online' && lesson.value?.state === 'live'
      fallback.observe(receiving.value, expected && receiving.value !== 'none')
    },
    { immediate: true },
  )
  onBeforeUnmount(() => {
    fallback.close()
  })
  return active
}
