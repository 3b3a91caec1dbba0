/**
 * Keeps the keyboard's place. Where a pressed button goes away (a hand that is raised, an invitation that is answered),
 * browsers begin again at the top of the page; here the next button of the same part has the focus instead.
 */

import { onBeforeUnmount, onMounted } from 'vue'

/** No text fields: a phone would open its keyboard. */
const BUTTONS = 'button:not(:disabled), a[href]'

export function useFocusKeeper(): void {
  /** What had the focus last, and all that it stood in, inside out. */
  let place: Element[] = []

  function remember(event: FocusEvent): void {
    place = []
    for (let at = event.target as Element | null; at; at = at.parentElement) place.push(at)
  }

  function keep(): void {
    const [focused] = place
    if (!focused || focused.isConnected || document.activeElement !== document.body) return
    const part = place.find((each) => each.isConnected && each.querySelector(BUTTONS))
    part?.querySelector<HTMLElement>(BUTTONS)?.focus({ preventScroll: true })
  }

  const observer = new MutationObserver(keep)
  onMounted(() => {
    document.addEventListener('focusin', remember)
    observer.observe(document.body, { childList: true, subtree: true })
  })
  onBeforeUnmount(() => {
    document.removeEventListener('focusin', remember)
    observer.disconnect()
  })
}
