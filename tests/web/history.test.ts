// Undo, redo, and edits that are no steps of their own.

import { expect, test } from 'vitest'
import { amend, push, redo, startHistory, undo } from '../../web/src/model/history.ts'

test('steps are taken back and made again in order', () => {
  const history = push(push(startHistory('a'), 'b'), 'c')
  expect(undo(history).present).toBe('b')
  expect(undo(undo(history)).present).toBe('a')
  expect(undo(undo(undo(history))).present).toBe('a')
  expect(redo(undo(undo(history))).present).toBe('b')
  expect(redo(history).present).toBe('c')
})

test('an amendment goes with the step it belongs to', () => {
  const history = amend(push(startHistory('a'), 'b'), 'b, followed')
  expect(undo(history).present).toBe('a')
  expect(redo(undo(history)).present).toBe('b, followed')
})

test('a new step forgets what was taken back', () => {
  expect(redo(push(undo(push(startHistory('a'), 'b')), 'c')).present).toBe('c')
})
