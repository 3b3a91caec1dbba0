/** One address per page; each page is a chunk of its own. */

import { createRouter, createWebHistory } from 'vue-router'
import { entered, lessonOfRoom, openSession, session } from '@/composables/session'
import {
  cataloguePage,
  checkInPage,
  clipsPage,
  coursePage,
  courseTimetablePage,
  dashboardPage,
  devicePage,
  homePage,
  importPage,
  invitePage,
  joinPage,
  lessonPage,
  libraryPage,
  myAccountPage,
  operationsPage,
  organizerPage,
  ownCoursesPage,
  placesPage,
  playerPage,
  progressPage,
  providerReviewsPage,
  secondFactorPage,
  signInPage,
  supervisedLessonPage,
  timetablePage,
  wallPage,
} from '@/pages/chunks'

const OF_ONE_PAGE = ['to', 'refused', 'at', 'from']

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'home', component: homePage },
    { path: '/join', name: 'join', component: joinPage },
    { path: '/lesson/:lesson', name: 'lesson', component: lessonPage },
    { path: '/organizer', name: 'organizer', component: organizerPage },
    { path: '/device', name: 'device', component: devicePage },
    { path: '/sign-in', name: 'sign-in', component: signInPage },
    { path: '/catalogue', name: 'catalogue', component: cataloguePage, meta: { network: true } },
    { path: '/courses', name: 'own-courses', component: ownCoursesPage, meta: { network: true } },
    { path: '/courses/:course', name: 'course', component: coursePage, meta: { network: true } },
    {
      path: '/courses/:course/timetable',
      name: 'course-timetable',
      component: courseTimetablePage,
      meta: { network: true },
    },
    { path: '/progress', name: 'progress', component: progressPage, meta: { network: true } },
    { path: '/operations', name: 'operations', component: operationsPage, meta: { network: true } },
    { path: '/timetable', name: 'timetable', component: timetablePage, meta: { network: true } },
    { path: '/second-factor', name: 'second-factor', component: secondFactorPage },
    { path: '/invite', name: 'invite', component: invitePage },
    { path: '/import', name: 'import', component: importPage, meta: { network: true } },
    { path: '/places', name: 'places', component: placesPage, meta: { network: true } },
    { path: '/me', name: 'me', component: myAccountPage, meta: { network: true } },
    { path: '/supervision', name: 'supervision', component: wallPage, meta: { network: true } },
    { path: '/supervision/:lesson', name: 'supervised', component: supervisedLessonPage, props: true },
    {
      path: '/supervision/problems/:problem',
      name: 'shown-problem',
      component: supervisedLessonPage,
      props: true,
    },
    { path: '/dashboard', name: 'dashboard', component: dashboardPage, meta: { network: true } },
    { path: '/reviews', name: 'reviews', component: providerReviewsPage, meta: { network: true } },
    { path: '/check-in', name: 'check-in', component: checkInPage },
    { path: '/library', name: 'library', component: libraryPage },
    { path: '/library/clips', name: 'clips', component: clipsPage },
    {
      path: '/library/:item',
      name: 'player',
      component: playerPage,
      props: true,
    },
    { path: '/:rest(.*)*', name: 'nowhere', component: homePage },
  ],
})

router.beforeEach((to, from) => {
  // Query parameters (view, lang, tests' overrides) follow the person, but for what one page was told.
  const following = Object.entries(from.query).filter(([name]) => !OF_ONE_PAGE.includes(name))
  if (from.name && Object.keys(to.query).length === 0 && following.length > 0) {
    return { ...to, query: Object.fromEntries(following) }
  }
  const room = to.name === 'join' ? lessonOfRoom() : ''
  if (room) return { name: 'lesson', params: { lesson: room }, query: to.query }
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
