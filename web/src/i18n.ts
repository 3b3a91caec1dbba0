/** The page's language: asked for in the address, else chosen before, else the browser's. Chinese is first. */

import { createI18n } from 'vue-i18n'
import officeZhCN from '@/locales/office/zh-CN.json'
import zhCN from '@/locales/zh-CN.json'

/** Two files each: the organizer's page has words enough for one of its own. */
const CHINESE = { ...zhCN, ...officeZhCN }

export type Language = 'zh-CN' | 'en'

const KEY = 'tongke.language'

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': CHINESE } as Record<string, typeof CHINESE>,
})

export function matchLanguage(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    if (/^zh\b/i.test(wish)) return 'zh-CN'
    if (/^en\b/i.test(wish)) return 'en'
  }
  return 'zh-CN'
}

export async function useLanguage(language: Language): Promise<void> {
  if (language === 'en') {
    const [en, office] = await Promise.all([import('@/locales/en.json'), import('@/locales/office/en.json')])
    i18n.global.setLocaleMessage('en', { ...en.default, ...office.default })
  }
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

export function currentLanguage(): Language {
  return i18n.global.locale.value as Language
}

export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(KEY, language)
  await useLanguage(language)
}

export function wishedLanguage(fromAddress: string): Language {
  return matchLanguage([fromAddress, localStorage.getItem(KEY) ?? '', ...navigator.languages])
}
