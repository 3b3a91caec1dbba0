import { createApp } from 'vue'
import '@/styles/element'
import '@/styles/base.css'
import App from '@/App.vue'
import { openSession, overrides, session } from '@/composables/session'
import { i18n, useLanguage, wishedLanguage } from '@/i18n'
import { fetchPage, viewOf } from '@/pages/chunks'
import { router } from '@/router'

async function start(): Promise<void> {
  // First of all: the token leaves the address bar before anything else can read it.
  openSession()
  fetchPage(window.location.pathname, viewOf(session.claims?.role ?? 'student', overrides.view))
  await useLanguage(wishedLanguage(overrides.language))
  createApp(App).use(i18n).use(router).mount('#app')
}

void start()
