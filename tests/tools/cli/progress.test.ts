// Progress displays: a bar on terminals, few plain lines elsewhere.

import { afterEach, expect, test, vi } from 'vitest'
import { startProgress } from '../../../tools/cli/progress.ts'
import { fakeTerminal } from './fakes.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('where there is no terminal, a plain line appears every few seconds and at the end', () => {
  vi.useFakeTimers()
  const terminal = fakeTerminal()
  const progress = startProgress(terminal, 'tracking', 100)
  for (let done = 1; done <= 100; done++) {
    vi.advanceTimersByTime(100)
    progress.update(done, '10 fps')
  }
  progress.stop()
  expect(terminal.stderr.text).toBe('tracking  50/100 10 fps\ntracking  100/100 10 fps\n')
})

test('without a total it counts', () => {
  const terminal = fakeTerminal()
  const progress = startProgress(terminal, 'tracking')
  progress.update(7)
  progress.stop()
  expect(terminal.stderr.text).toBe('tracking  7\n')
})

test('on a terminal a bar is drawn and the cursor comes back', () => {
  const terminal = fakeTerminal(true)
  const handlers = process.listeners('SIGINT').length
  const progress = startProgress(terminal, 'tracking', 4)
  progress.update(2, '10 fps')
  expect(process.listeners('SIGINT').length, 'Ctrl-C stays ours').toBe(handlers)
  progress.stop()
  expect(terminal.stderr.text).toMatch(/tracking +\[=+> *\] 2\/4 10 fps/)
  expect(terminal.stderr.text).toContain('\u001b[?25h')
})
