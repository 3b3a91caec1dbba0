/** A room's device: from the code on its screen into the lessons of its class, and back to waiting. */

import { onBeforeUnmount, onMounted, ref, shallowRef } from 'vue'
import {
  beginPairing,
  credentialOf,
  isForgotten,
  keepCredential,
  keptCredential,
  orders,
  type Orders,
  type Pairing,
} from '@/client/device'
import { ProblemError } from '@/client/problem'
import { rememberSending, useToken } from '@/composables/session'
import { currentLanguage } from '@/i18n'

const PAIRING_EVERY_MS = 2_000
const ORDERS_EVERY_MS = 5_000
/** After a lesson its last words stay on the screen for so long. */
export const BACK_AFTER_MS = 8_000
const ON_DUTY = 'tongke.device.lesson'

/** Whether this tab is a room's device that came into its lesson by itself. */
export function onDuty(): boolean {
  return sessionStorage.getItem(ON_DUTY) !== null
}

export function useDevice(go: (lesson: string) => void) {
  const pairing = shallowRef<Pairing | null>(null)
  const told = shallowRef<Orders | null>(null)
  /** Why nothing is known at the moment; empty: it is. */
  const trouble = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false

  async function pair(): Promise<number> {
    told.value = null
    if (!pairing.value) pairing.value = await beginPairing(currentLanguage())
    const credential = await credentialOf(pairing.value, currentLanguage())
    if (!credential) return PAIRING_EVERY_MS
    keepCredential(localStorage, credential)
    pairing.value = null
    return 0
  }

  async function obey(credential: string): Promise<number> {
    const found = await orders(credential, currentLanguage())
    told.value = found
    if (!found.now) return ORDERS_EVERY_MS
    useToken(found.now.token)
    // As after a reload: the room is seen and heard without anybody's touching it.
    rememberSending({ camera: true, microphone: true })
    sessionStorage.setItem(ON_DUTY, found.now.lesson)
    over = true
    go(found.now.lesson)
    return ORDERS_EVERY_MS
  }

  async function step(): Promise<void> {
    let wait = ORDERS_EVERY_MS
    try {
      const credential = keptCredential(localStorage)
      wait = await (credential ? obey(credential) : pair())
      trouble.value = ''
    } catch (error) {
      if (isForgotten(error)) {
        // Who took the room's credential back stands before the device and waits for its code.
        wait = keptCredential(localStorage) ? 0 : PAIRING_EVERY_MS
        keepCredential(localStorage, '')
        pairing.value = null
      } else {
        trouble.value = error instanceof ProblemError ? error.problem.title : 'offline'
      }
    }
    if (!over) timer = setTimeout(() => void step(), wait)
  }

  onMounted(() => {
    sessionStorage.removeItem(ON_DUTY)
    void step()
  })
  onBeforeUnmount(() => {
    over = true
    clearTimeout(timer)
  })
  return { pairing, told, trouble }
}
