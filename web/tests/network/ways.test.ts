import { expect, test } from 'vitest'
import { waysOf } from '@/network/ways'
import words from '@/locales/network/zh-CN.json'

test('somebody of several offices sees each page once, their account last', () => {
  expect(waysOf(['tutor', 'parent'])).toEqual(['timetable', 'catalogue', 'progress', 'me'])
})

test('a provider is led to their courses, and to what was said of them', () => {
  expect(waysOf(['provider'])).toEqual(['operations', 'own-courses', 'reviews', 'catalogue', 'me'])
})

test('who holds no office has their account', () => {
  expect(waysOf([])).toEqual(['me'])
})

test('each of them has words', () => {
  const named = Object.keys(words.ways).filter((each) => !['label', 'menu', 'menuOf'].includes(each))
  const all = waysOf(['organizer', 'provider', 'supervisor', 'student'])
  expect(all.toSorted()).toEqual(named.toSorted())
})
