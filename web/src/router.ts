/** One address per page; each page is a chunk of its own. */

import { createRouter, createWebHistory } from 'vue-router'
import { entered, openSession, session } from '@/composables/session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'home', component: () => import('@/pages/HomePage.vue') },
    { path: '/join', name: 'join', component: () => import('@/pages/JoinPage.vue') },
    { path: '/lesson/:lesson', name: 'lesson', component: () => import('@/pages/LessonPage.vue') },
    { path: '/organizer', name: 'organizer', component: () => import('@/pages/OrganizerPage.vue') },
    { path: '/device', name: 'device', component: () => import('@/pages/DevicePage.vue') },
    { path: '/library', name: 'library', component: () => import('@/pages/LibraryPage.vue') },
    {
      path: '/library/:item',
      name: 'player',
      component: () => import('@/pages/PlayerPage.vue'),
      props: true,
    },
    { path: '/:rest(.*)*', name: 'nowhere', component: () => import('@/pages/HomePage.vue') },
  ],
})

router.beforeEach((to, from) => {
  // Query parameters (view, lang, tests' overrides) follow the person.
  if (from.name && Object.keys(to.query).length === 0 && Object.keys(from.query).length > 0) {
    return { ...to, query: from.query }
  }
  if (to.name === 'lesson' && (!session.claims || !entered())) return { name: 'join', query: to.query }
  if (to.name === 'join' && session.claims?.role === 'organizer')
    return { name: 'organizer', query: to.query }
  return true
})

// A second link pasted into the same tab changes the fragment only.
window.addEventListener('hashchange', () => {
  if (!window.location.hash.includes('token=')) return
  openSession()
  window.location.reload()
})
