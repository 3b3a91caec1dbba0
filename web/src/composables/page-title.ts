/** What the tab is called: the page's own words, then the product's name. */

import { onBeforeUnmount, shallowRef, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'

export const pageTitle = shallowRef('')

/** For a page: its words, as long as it is there; empty while it has none. */
export function usePageTitle(words: () => string): void {
  const { t } = useI18n()
  watchEffect(() => {
    pageTitle.value = document.title = [words(), t('app.name')].filter(Boolean).join(' · ')
  })
  onBeforeUnmount(() => {
    pageTitle.value = ''
  })
}
