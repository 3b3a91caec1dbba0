/** Times as people read them, in the page's language and by the viewer's own clock. */

import { useI18n } from 'vue-i18n'

const DAY = { month: 'long', day: 'numeric', weekday: 'long' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', hour12: false } as const
const FORMATS = { day: DAY, clock: CLOCK, moment: { ...DAY, ...CLOCK } }

export function useTimes(): (unixMs: number, format: keyof typeof FORMATS) => string {
  const { locale } = useI18n()
  return (unixMs, format) => new Intl.DateTimeFormat(locale.value, FORMATS[format]).format(unixMs)
}
