/** Signing out, which leads to who signs in next. */

import { useRouter } from 'vue-router'
import { signOut } from './network-client'
import { useTrouble } from './trouble'
import { forgetWho } from './who'

export function useLeaving() {
  const router = useRouter()
  const { busy, trouble, run } = useTrouble()

  async function leave(): Promise<void> {
    const told = await run(signOut)
    if (trouble.value) return
    forgetWho()
    // Else who comes next to a school's computer is let in as who left it.
    if (told?.then) window.location.assign(told.then)
    else await router.replace({ name: 'sign-in', query: {} })
  }

  return { busy, trouble, leave }
}
