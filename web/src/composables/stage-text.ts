/** The stage's words in the person's language. */

import { useI18n } from 'vue-i18n'
import type { StageWords } from '@/client/stage-words'

/** `10:45`, by the clock on the wall. */
function wallClock(ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    ms,
  )
}

export function useStageText(): (words: StageWords) => string {
  const { t, locale } = useI18n()
  return ({ key, until }) => {
    if (until === undefined) return t(`stage.${key}`)
    return t(`stage.${key}`, { time: wallClock(until, locale.value) })
  }
}
