/** Times as people read them, in the page's language and by the viewer's own clock, or that of a place. */

import { useI18n } from 'vue-i18n'

const DAY = { month: 'long', day: 'numeric', weekday: 'long' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', hour12: false } as const
const FORMATS = { day: DAY, clock: CLOCK, moment: { ...DAY, ...CLOCK } }

/** zone: of the place; none: the viewer's. */
export function useTimes(zone?: () => string | undefined) {
  const { locale } = useI18n()
  return (unixMs: number, format: keyof typeof FORMATS): string => {
    const timeZone = zone?.()
    const options = timeZone ? { ...FORMATS[format], timeZone } : FORMATS[format]
    return new Intl.DateTimeFormat(locale.value, options).format(unixMs)
  }
}

/** What the clocks of a zone are called: 中国标准时间. */
export function zoneName(zone: string, language: string): string {
  const parts = new Intl.DateTimeFormat(language, { timeZone: zone, timeZoneName: 'long' }).formatToParts()
  return parts.find((each) => each.type === 'timeZoneName')?.value ?? zone
}
