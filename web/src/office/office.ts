/** What the organizer's page knows, and what is done there: one thing at a time, and what went wrong in words. */

import { onBeforeUnmount, onMounted, ref, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { ProblemError } from '@/client/problem'
import { session } from '@/composables/session'
import { currentLanguage } from '@/i18n'
import {
  OfficeClient,
  type Device,
  type KnownPerson,
  type LessonDetail,
  type LessonSummary,
} from './office-client'

/** Lessons are opened and ended by others too. */
const LOOK_EVERY_MS = 5_000

/** Nobody has it: 48 random bits in letters and digits. */
export function newId(kind: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6))
  return `${kind}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

export function useOffice() {
  const { t } = useI18n()
  const client = new OfficeClient(session.token, currentLanguage())
  const lessons = shallowRef<LessonSummary[] | null>(null)
  const people = shallowRef<KnownPerson[]>([])
  const devices = shallowRef<Device[]>([])
  const chosen = shallowRef<LessonDetail | null>(null)
  const busy = ref(false)
  const trouble = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined

  /** Does it; null, with words in `trouble`, when it was refused. */
  async function run<T>(act: () => Promise<T>): Promise<T | null> {
    busy.value = true
    trouble.value = ''
    try {
      return await act()
    } catch (error) {
      trouble.value =
        error instanceof ProblemError
          ? [error.problem.title, error.problem.detail].filter(Boolean).join(' ')
          : t('device.offline')
      return null
    } finally {
      busy.value = false
    }
  }

  async function look(): Promise<void> {
    lessons.value = await client.lessons()
    const id = chosen.value?.id
    if (id) chosen.value = await client.lesson(id)
  }

  async function lookAgain(): Promise<void> {
    // A look in vain says nothing: the next one may not be.
    await look().catch(() => undefined)
    timer = setTimeout(() => void lookAgain(), LOOK_EVERY_MS)
  }

  onMounted(async () => {
    await run(async () => {
      await look()
      people.value = await client.people()
      devices.value = await client.devices()
    })
    timer = setTimeout(() => void lookAgain(), LOOK_EVERY_MS)
  })
  onBeforeUnmount(() => {
    clearTimeout(timer)
  })

  return { client, lessons, people, devices, chosen, busy, trouble, run, look }
}

export type Office = ReturnType<typeof useOffice>
