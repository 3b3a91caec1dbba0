/** What stands in the way of a request that can be met: showing again that it is you, an authenticator that is due. */

import { shallowRef } from 'vue'
import { problemFrom } from '@/client/problem'

/** Somebody is asked to show that it is they; the dialog calls it. */
export const asked = shallowRef<((shown: boolean) => void) | null>(null)

/** False: they would rather not. Two that ask at once are answered by one dialog. */
function showAgain(): Promise<boolean> {
  return new Promise((resolve) => {
    const before = asked.value
    asked.value = (shown) => {
      before?.(shown)
      asked.value = null
      resolve(shown)
    }
  })
}

export const SECOND_FACTOR = '/second-factor'

/** The answer, if need be of a second try. Raises ProblemError; TypeError where there is no network. */
export async function answered(send: () => Promise<Response>): Promise<Response> {
  const response = await send()
  if (response.ok) return response
  const error = await problemFrom(response)
  if (error.problem.kind === 'proof-needed' && (await showAgain())) return answered(send)
  const { pathname, search } = window.location
  if (error.problem.kind === 'second-factor-required' && pathname !== SECOND_FACTOR)
    window.location.replace(`${SECOND_FACTOR}?${new URLSearchParams({ to: pathname + search })}`)
  throw error
}
