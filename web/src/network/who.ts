/** Who is signed in, asked once for all parts of a page. */

import { whoami, type WhoAmI } from './network-client'

/** As long as a page takes to put itself together; the next page asks anew, since offices change. */
const KEPT_MS = 5_000

let known: { answer: Promise<WhoAmI>; since: number } | null = null

/** Raises what asking raises; then the next one asks anew. */
export function whoIsHere(): Promise<WhoAmI> {
  if (!known || Date.now() - known.since > KEPT_MS) known = { answer: whoami(), since: Date.now() }
  const { answer } = known
  answer.catch(() => {
    if (known?.answer === answer) known = null
  })
  return answer
}

/** Somebody else is, or the same with something changed. */
export function forgetWho(): void {
  known = null
}
