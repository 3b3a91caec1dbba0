/** The page's language: asked for in the address, else chosen before, else the browser's. Chinese is first. */

import { shallowRef } from 'vue'
import { createI18n } from 'vue-i18n'
import type { catalogue as chinese } from '@/locales/zh-CN'
import type { Language as ElementLanguage } from 'element-plus/es/locale/index'

export type Language = 'zh-CN' | 'en'

const KEY = 'tongke.language'

/** A page loads one of them; a script of a tenth of all script is not to be loaded twice. */
const CATALOGUES = {
  'zh-CN': () => import('@/locales/zh-CN'),
  en: () => import('@/locales/en'),
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  // The catalogues have the same keys; a test compares.
  fallbackLocale: false,
  messages: {} as Record<string, typeof chinese>,
})

/** The few words of the components themselves ("close this dialog"). */
export const componentWords = shallowRef<ElementLanguage>()

export function matchLanguage(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    if (/^zh\b/i.test(wish)) return 'zh-CN'
    if (/^en\b/i.test(wish)) return 'en'
  }
  return 'zh-CN'
}

export async function useLanguage(language: Language): Promise<void> {
  const { catalogue, ofComponents } = await CATALOGUES[language]()
  i18n.global.setLocaleMessage(language, catalogue)
  componentWords.value = ofComponents
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
