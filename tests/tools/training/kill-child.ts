// A process that trains the fake in the folder given, from its last checkpoint on, and says when it begins. See kill.test.ts.

import { LrSchedule } from '../../../src/train/lr-schedule.ts'
import { CheckpointHook, checkpointDefaults } from '../../../tools/training/checkpoint-hook.ts'
import { Runner } from '../../../tools/training/runner.ts'
import { readTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { WorkDir } from '../../../tools/training/work-dir.ts'
import { FakeTrainee, fakeConfig, fakeSource } from './fakes.ts'

const [folder = '', delay = '1'] = process.argv.slice(2)
const workDir = await WorkDir.open(folder)
const last = await workDir.lastCheckpoint()
const resumed = last === undefined ? undefined : await readTrainingCheckpoint(last)
const trainer = new FakeTrainee({ size: 50_000, cumulative: 2, delayMs: Number(delay) })
if (resumed) trainer.load(resumed.model, resumed.optimizer)
const checkpointConfig = { ...checkpointDefaults, interval: 4, by_epoch: false, max_keep_ckpts: 3 }
const facts = { seed: 1, best: null, scores: null, pendingEvaluation: false }
const runner = new Runner({
  trainer,
  source: fakeSource(25),
  schedule: new LrSchedule(undefined),
  hooks: [new CheckpointHook({ workDir, config: fakeConfig({ checkpoint_config: checkpointConfig }), facts })],
  workflow: [['train', 1]],
  maxEpochs: 4,
  ...(resumed && { start: resumed.facts }),
})
process.stdout.write(`from ${runner.iteration}\n`)
await runner.run()
await workDir.close()
process.stdout.write('done\n')
