/** What a course is, in the page's words. */

import { useI18n } from 'vue-i18n'
import type { Course } from './catalogue-client'

export function useCourseWords() {
  const { t, te } = useI18n()

  function kind(course: Pick<Course, 'kind'>): string {
    const key = `catalogue.values.kind.${course.kind}`
    return te(key) ? t(key) : course.kind
  }

  function grades({ grade_from: from, grade_to: to }: Pick<Course, 'grade_from' | 'grade_to'>): string {
    return from === to ? t('catalogue.grade', { grade: from }) : t('catalogue.grades', { from, to })
  }

  /** Subject, grades, kind. */
  const line = (course: Pick<Course, 'subject' | 'kind' | 'grade_from' | 'grade_to'>) =>
    [course.subject, grades(course), kind(course)].filter(Boolean).join(' · ')

  return { kind, grades, line }
}
