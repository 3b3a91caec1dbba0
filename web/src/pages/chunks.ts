/** The pages as the pieces they are loaded in, and which of them an address will need: all are asked for at once. */

import type { Role } from '@/protocol/messages'

export const homePage = () => import('@/pages/HomePage.vue')
export const joinPage = () => import('@/pages/JoinPage.vue')
export const lessonPage = () => import('@/pages/LessonPage.vue')
export const libraryPage = () => import('@/pages/LibraryPage.vue')
export const clipsPage = () => import('@/pages/ClipsPage.vue')
export const organizerPage = () => import('@/pages/OrganizerPage.vue')
export const devicePage = () => import('@/pages/DevicePage.vue')
export const signInPage = () => import('@/network/SignInPage.vue')
export const checkInPage = () => import('@/network/CheckInPage.vue')
export const wallPage = () => import('@/network/WallPage.vue')
export const supervisedLessonPage = () => import('@/network/SupervisedLessonPage.vue')
export const dashboardPage = () => import('@/network/DashboardPage.vue')
export const providerReviewsPage = () => import('@/network/ProviderReviewsPage.vue')
export const invitePage = () => import('@/network/InvitePage.vue')
export const importPage = () => import('@/network/ImportPage.vue')
export const placesPage = () => import('@/network/PlacesPage.vue')
export const secondFactorPage = () => import('@/network/SecondFactorPage.vue')
export const myAccountPage = () => import('@/network/MyAccountPage.vue')
export const cataloguePage = () => import('@/network/CataloguePage.vue')
export const coursePage = () => import('@/network/CoursePage.vue')
export const ownCoursesPage = () => import('@/network/ProviderCoursesPage.vue')
export const courseTimetablePage = () => import('@/network/CourseTimetablePage.vue')
export const progressPage = () => import('@/network/ProgressPage.vue')
export const operationsPage = () => import('@/network/OperationsPage.vue')
export const timetablePage = () => import('@/network/TimetablePage.vue')
export const playerPage = () => import('@/pages/PlayerPage.vue')

export const views = {
  master: () => import('@/pages/MasterView.vue'),
  tutor: () => import('@/pages/TutorView.vue'),
  student: () => import('@/pages/StudentView.vue'),
  supervisor: () => import('@/pages/SupervisorView.vue'),
  room: () => import('@/pages/RoomView.vue'),
}

export type ViewName = keyof typeof views

/** Which view somebody has of the lesson; null: none (an encoder). `wished`: `view` of the address. */
export function viewOf(role: Role, wished: string): ViewName | null {
  if (wished === 'room' && role !== 'master') return 'room'
  return role in views ? (role as ViewName) : null
}

/** Whoever needs the piece asks again, and says so when it cannot be had. */
function ahead(piece: () => Promise<unknown>): void {
  piece().catch(() => undefined)
}

/** Everything of the lesson, which otherwise would be asked for piece after piece. */
export function fetchLesson(view: ViewName | null): void {
  ahead(lessonPage)
  if (view) ahead(views[view])
}

/** What this address will show, before anything else is there to ask for it. */
export function fetchPage(path: string, view: ViewName | null): void {
  if (path.startsWith('/lesson/')) fetchLesson(view)
  else if (path === '/join') ahead(joinPage)
  else if (path === '/device') {
    ahead(devicePage)
    fetchLesson('room')
  } else if (path === '/library') ahead(libraryPage)
  else if (path === '/library/clips') ahead(clipsPage)
  else if (path === '/sign-in') ahead(signInPage)
  else if (path === '/me') ahead(myAccountPage)
  else if (path === '/invite') ahead(invitePage)
  else if (path === '/import') ahead(importPage)
  else if (path === '/places') ahead(placesPage)
  else if (path === '/supervision') ahead(wallPage)
  else if (path === '/dashboard') ahead(dashboardPage)
  else if (path === '/reviews') ahead(providerReviewsPage)
  else if (path === '/check-in') ahead(checkInPage)
  else if (path === '/catalogue') ahead(cataloguePage)
  else if (path === '/progress') ahead(progressPage)
  else if (path === '/courses') ahead(ownCoursesPage)
  else if (path.startsWith('/courses/')) ahead(coursePage)
  else if (path === '/timetable') ahead(timetablePage)
  else if (path === '/operations') ahead(operationsPage)
}
