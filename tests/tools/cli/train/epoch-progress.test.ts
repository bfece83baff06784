// The bar of an epoch: it shows where training is, and log lines go above it.

import { expect, test } from 'vitest'
import { LrSchedule } from '../../../../src/train/lr-schedule.ts'
import { EpochProgress } from '../../../../tools/cli/train/epoch-progress.ts'
import { Runner } from '../../../../tools/training/runner.ts'
import { FakeTrainee, fakeSource } from '../../training/fakes.ts'
import { fakeTerminal } from '../fakes.ts'

const clearedLine = '\u001b[1G\u001b[2K'
const showCursor = '\u001b[?25h'

test('shows each epoch, makes room for lines, and gives the cursor back', async () => {
  const terminal = fakeTerminal(true)
  const progress = new EpochProgress(terminal)
  const handlers = process.listeners('SIGINT').length
  const line = { afterIteration: () => progress.aside(() => terminal.stderr.write('a line of the log\n')) }
  const runner = new Runner({
    trainer: new FakeTrainee(),
    source: fakeSource(3),
    schedule: new LrSchedule(undefined),
    hooks: [progress, line],
    workflow: [['train', 1]],
    maxEpochs: 2,
  })
  await runner.run()
  const { text } = terminal.stderr
  expect(text).toMatch(/epoch 1\/2 \[ *> *\] 0\/3 loss -/)
  expect(text).toMatch(/epoch 2\/2 \[=+> *\] 2\/3 loss \d\.\d{4}, 0:00:00 left/)
  expect(text.split('a line of the log\n')).toHaveLength(7)
  for (const before of text.split('a line of the log\n').slice(0, -1)) expect(before.endsWith(clearedLine)).toBe(true)
  expect(text.lastIndexOf(showCursor)).toBeGreaterThan(text.lastIndexOf('loss'))
  expect(process.listeners('SIGINT')).toHaveLength(handlers)
  progress.close()
})
