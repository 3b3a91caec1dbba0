/** What somebody did is under way, or went wrong in words. */

import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { ProblemError } from '@/client/problem'

export function useTrouble() {
  const { t } = useI18n()
  const busy = ref(false)
  const trouble = ref('')
  /** Stable name of the problem; empty: of none, or there was no network. */
  const kind = ref('')

  /** The answer; null: it failed, and `trouble` says why. One at a time. */
  async function run<T>(work: () => Promise<T>): Promise<T | null> {
    if (busy.value) return null
    busy.value = true
    trouble.value = kind.value = ''
    try {
      return await work()
    } catch (error) {
      if (error instanceof ProblemError) {
        kind.value = error.problem.kind
        trouble.value = error.problem.detail || error.problem.title || t('trouble.failed')
      } else {
        trouble.value = t('trouble.failed')
      }
      return null
    } finally {
      busy.value = false
    }
  }

  return { busy, trouble, kind, run }
}
