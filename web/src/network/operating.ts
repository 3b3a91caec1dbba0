/** An operation on the timetable from a page: shown before it is done, then done. */

import { ref, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { randomId } from '@/client/random-id'
import { carryOut, COUNTED, preview, type Operation, type OperationPlan, type Preview } from './operations'
import { useTrouble } from './trouble'

/** `2 lessons, 1 class, 5 people told`. */
export function useCounts(): (operation: Operation) => string {
  const { t, n, locale } = useI18n()
  return (operation) => {
    const words = COUNTED.map((each) =>
      t(`operations.of.${each}`, { count: n(operation[each]) }, operation[each]),
    )
    return words.join(locale.value === 'zh-CN' ? '，' : ', ')
  }
}

/** plan: what is filled in; done: it was carried out. */
export function useOperation(plan: () => OperationPlan, done: () => Promise<void>) {
  const { t } = useI18n()
  const counts = useCounts()
  const { busy, trouble, run } = useTrouble()
  const seen = shallowRef<Preview | null>(null)
  const said = ref('')
  let id = ''

  // What was previewed is not what would be done any more.
  watch(plan, () => (seen.value = null), { deep: true })

  async function tryOut(): Promise<void> {
    said.value = ''
    id = `op-${randomId()}`
    seen.value = await run(() => preview(plan()))
  }

  async function go(): Promise<void> {
    const answer = await run(() => carryOut(id, plan()))
    if (!answer) return
    seen.value = null
    said.value = t('operations.done', { counts: counts(answer.operation) })
    await done()
  }

  return { busy, trouble, seen, said, tryOut, go }
}
