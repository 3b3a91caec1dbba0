/** A page that looks again and again: one look after the other, and none while nobody sees the page. */

import { onBeforeUnmount, onMounted } from 'vue'

export function useLooks(look: () => Promise<void>, everyMs: number) {
  let timer = 0
  let gone = false

  async function goOn(): Promise<void> {
    clearTimeout(timer)
    if (!document.hidden) await look()
    clearTimeout(timer)
    if (!gone) timer = window.setTimeout(() => void goOn(), everyMs)
  }

  onMounted(goOn)
  onBeforeUnmount(() => {
    gone = true
    clearTimeout(timer)
  })

  /** Now, and then as before. */
  return () => void goOn()
}
