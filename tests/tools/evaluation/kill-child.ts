// A process that evaluates a fake tracker, going on with what is in the folder given, and says when it begins. See kill.test.ts.

import { ResultStore } from '../../../tools/evaluation/result-store.ts'
import { runEvaluation } from '../../../tools/evaluation/run-evaluation.ts'
import { FakeTracker, readBlank } from './fakes.ts'
import { killedBenchmark } from './killed-benchmark.ts'

const [folder = '', delay = '0'] = process.argv.slice(2)
const benchmark = killedBenchmark()
const store = await ResultStore.open(folder, { fingerprint: { delay: null }, about: {} }, { resume: true })
const done = await store.load(benchmark.sequences)
process.stdout.write(`from ${done.size}\n`)
const pause = () => (delay === '0' ? undefined : new Promise<void>((resolve) => setTimeout(resolve, Number(delay))))
const trackers = [1, 1].map((step) => new FakeTracker(step, pause))
await runEvaluation({ benchmark, trackers, done, read: readBlank, save: (result) => store.save(result) })
process.stdout.write('done\n')
