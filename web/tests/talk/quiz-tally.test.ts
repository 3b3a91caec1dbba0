import { expect, it } from 'vitest'
import { tallied } from '@/talk/quiz'

const result = { counts: [3, 1], answered: 4 }

it('is entered when the server has it, for the own class', () => {
  expect(tallied({ result: null }, 'c1')).toBe(0)
  expect(tallied({ result }, 'c1')).toBe(0)
  const classes = [
    { class_id: 'c1', counts: [2, 0], answered: 2, tallied: 2 },
    { class_id: 'c2', counts: [1, 1], answered: 2 },
  ]
  expect(tallied({ result: { ...result, classes } }, 'c1')).toBe(2)
  expect(tallied({ result: { ...result, classes } }, 'c2')).toBe(0)
})
