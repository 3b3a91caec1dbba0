/** An operation on the timetable from a page: shown before it is done, then done. */

import { ref, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { randomId } from '@/client/random-id'
import { carryOut, preview, type OperationPlan, type Preview } from './operations'
import { useTrouble } from './trouble'

/** plan: what is filled in; done: it was carried out. */
export function useOperation(plan: () => OperationPlan, done: () => Promise<void>) {
  const { t } = useI18n()
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
    said.value = t('operations.done', { ...answer.operation })
    await done()
  }

  return { busy, trouble, seen, said, tryOut, go }
}
