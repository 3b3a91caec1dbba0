/** Keeps the screen on during the lesson: a tablet that dims every half minute is of no use to a pupil. */

import { onBeforeUnmount, onMounted } from 'vue'

export function useWakeLock(): void {
  let lock: WakeLockSentinel | null = null

  /** The browser takes the lock away whenever the page is hidden. */
  async function request(): Promise<void> {
    const wakeLock = navigator.wakeLock as WakeLock | undefined
    if (!wakeLock || document.visibilityState !== 'visible') return
    try {
      lock = await wakeLock.request('screen')
    } catch {
      // A low battery may forbid it; the lesson goes on.
    }
  }

  const changed = () => void request()

  onMounted(() => {
    document.addEventListener('visibilitychange', changed)
    changed()
  })
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', changed)
    void lock?.release()
  })
}
