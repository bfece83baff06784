// The commands on several ranks of one software adapter, against one process that does the same.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../../src/formats/safetensors.ts'
import { openDevice } from '../../../src/gpu/device.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { loadTrackers } from '../../../tools/cli/evaluate/load-trackers.ts'
import { runCommand } from '../../../tools/cli/run.ts'
import { loadTracker } from '../../../tools/cli/track/load-tracker.ts'
import { evaluateModel, openEvaluationClips } from '../../../tools/evaluation/evaluate.ts'
import { readTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { microWeights } from '../../siamrpn/helpers.ts'
import { launchers, main, run } from './launch-ranks.ts'

/** The same command in this process. */
async function alone(args: readonly string[]) {
  let text = ''
  const write = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const code = await runCommand(args, { terminal: { stdout: write, stderr: write }, load: loadTracker, loadTrackers })
  expect([code, code === 0 ? '' : text]).toEqual([0, ''])
}

const [first, second = first] = launchers

describe.skipIf(!first)('two ranks', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siamrpn-ranks-'))
    await writeFile(join(folder, 'micro.safetensors'), writeSafetensors(microWeights()))
  })
  afterAll(async () => await rm(folder, { recursive: true }))
  const at = (...names: string[]) => join(folder, ...names)
  const readJson = async (...names: string[]) => JSON.parse(await readFile(at(...names), 'utf8'))
  const model = () => ['--config', 'micro', '--checkpoint', at('micro.safetensors'), '--dataset', 'synthetic']
  const clips = ['data.test.type=SyntheticClips', 'data.test.clips=3', 'data.test.frames_per_clip=4']
  const evaluate = (...args: string[]) => [
    ...['evaluate', ...model(), '--no-report', ...args],
    ...clips.flatMap((setting) => ['--set', setting]),
  ]

  test('evaluate what one process does, bit for bit, and rank 0 alone writes', async () => {
    const { code, out, err } = await run(first!, 2, main, evaluate('--launcher', 'mpi', '--out', at('two')))
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(out.match(/software\), 2 ranks/g)?.length).toBe(1)
    expect(out.match(/tracked +12 frames/g)?.length).toBe(1)
    expect(out.match(/^wrote /gm)?.length).toBe(1)
    await alone(evaluate('--out', at('one')))
    for (const name of ['clip-0', 'clip-1', 'clip-2']) {
      const [{ seconds: _, ...two }, { seconds: __, ...one }] = await Promise.all(
        ['two', 'one'].map((of) => readJson(of, 'sequences', `${name}.json`)),
      )
      expect(two).toEqual(one)
    }
    const [two, one] = [await readJson('two', 'summary.json'), await readJson('one', 'summary.json')]
    expect(two.complete).toBe(true)
    for (const key of ['overall', 'attributes', 'sequences']) expect(two[key]).toEqual(one[key])
  })

  test('search as one process does, bit for bit', async () => {
    const ranges = ['--lr', '0.2:0.5:0.2', '--window-influence', '0.1:0.7:0.5']
    const search = (out: string, ...args: string[]) => [
      ...['search', ...model(), '--seed', '2000000', '--clips', '3', '--frames', '3', ...ranges],
      ...['--out', at(out), ...args],
    ]
    const { code, out, err } = await run(second!, 2, main, search('searched', '--launcher', 'mpi'))
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(out.match(/^wrote /gm)?.length).toBe(1)
    await alone(search('searched-alone'))
    const [{ date: _, ...two }, { date: __, ...one }] = await Promise.all(
      ['searched', 'searched-alone'].map((of) => readJson(of, 'search.json')),
    )
    expect(two).toEqual(one)
    const files = async (of: string) => {
      const [tracks = ''] = await readdir(at(of, 'tracks'))
      const names = (await readdir(at(of, 'tracks', tracks))).sort()
      return await Promise.all(names.map(async (name) => [name, await readFile(at(of, 'tracks', tracks, name))]))
    }
    expect(await files('searched')).toEqual(await files('searched-alone'))
  })

  test('are compared before they evaluate', async () => {
    const others = [[], ['--set', 'model.test_cfg.rpn.lr=0.5', '--set', 'data.test.clips=2']]
    const args = evaluate('--launcher', 'mpi', '--out', at('differ'))
    const { code, err } = await run(first!, 2, main, args, { perRank: others })
    expect(code).not.toBe(0)
    expect(err).toMatch(
      /error: the ranks differ:\n {2}model\.test_cfg\.rpn\.lr is 0\.5 on rank 1 \(.+\), expected 0\.38 as/,
    )
    expect(err).toMatch(/data\.videos\.clip-2 is absent on rank 1/)
    expect(err.match(/error: /g)?.length).toBe(1)
    expect(await readdir(folder)).not.toContain('differ')
  })

  const small = [
    ...['data.samples_per_gpu=2', 'data.workers_per_gpu=0', 'data.train.clips=4', 'data.train.frames_per_clip=6'],
    ...['data.train.width=96', 'data.train.height=96', 'log_config.interval=1'],
    ...['data.val.clips=3', 'data.val.frames_per_clip=4', 'evaluation.start=1'],
  ]
  const train = (samples: number, ...args: string[]) => [
    ...['train', '--config', 'micro', '--data', 'synthetic', '--launcher', 'mpi', '--no-progress'],
    ...['--work-dir', at('run'), ...args],
    ...[...small, `data.samples_per_epoch=${samples}`].flatMap((setting) => ['--set', setting]),
  ]

  test('train and measure by the command line, and rank 0 alone writes', async () => {
    const { code, out, err } = await run(first!, 2, main, train(4, '--max-iters', '1'))
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(out.match(/2 ranks, each with batches of 2/g)?.length).toBe(1)
    expect(out.match(/1 iterations an epoch, 1 to go/g)?.length).toBe(1)
    expect(out.match(/Epoch \[1\]\[1\/1\]/g)?.length).toBe(1)
    const { facts, model: state } = await readTrainingCheckpoint(at('run', 'epoch_1.safetensors'))
    expect(facts).toMatchObject({ epoch: 1, iteration: 0, iterationsPerEpoch: 1, batchSize: 2, ranks: 2 })
    expect(await readdir(at('run'))).not.toContain('training.lock')
    const { scores } = facts
    expect(scores).not.toBeNull()
    const config = parseConfig(await readJson('run', 'config.json'), 'config.json')
    const device = await openDevice()
    const clipsToMeasure = await openEvaluationClips(config.data!.val!)
    expect(await evaluateModel(state, { device, config, clips: clipsToMeasure })).toEqual(scores)
    await device.close()
  })

  test('train on as three, with the other MPI, from the checkpoint that two have written', async () => {
    const args = train(6, '--no-evaluate', '--resume', '--max-iters', '3')
    const { code, out, err } = await run(second!, 3, main, args)
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(out).toMatch(/resuming from .*epoch_1\.safetensors: epoch 2, 0 iterations done in it/)
    expect(out).toMatch(/3 ranks, each with batches of 2/)
    const { facts } = await readTrainingCheckpoint(at('run', 'epoch_3.safetensors'))
    expect(facts).toMatchObject({ epoch: 3, iteration: 0, iterationsPerEpoch: 1, ranks: 3 })
  })

  test('are compared before they train', async () => {
    const others = [[], ['--set', 'optimizer.lr=0.5']]
    const { code, err } = await run(first!, 2, main, train(8), { perRank: others })
    expect(code).not.toBe(0)
    expect(err).toMatch(
      /^(Warning: .*\n)*error: the ranks differ:\n {2}configuration\.optimizer\.lr is 0\.5 on rank 1 \(.+\), expected [\d.]+ as on rank 0\n/,
    )
    expect(err.match(/error: /g)?.length).toBe(1)
  })

  const [openMpi, mpich] = ['Open MPI', 'MPICH'].map((name) => launchers.find((each) => each.name === name))
  const signals = [
    { launcher: openMpi, signal: 'SIGUSR2', inOrder: true },
    { launcher: mpich, signal: 'SIGTERM', inOrder: true },
    // It kills its ranks a second later, whatever they are doing.
    { launcher: openMpi, signal: 'SIGTERM', inOrder: false },
  ] as const
  test.each(signals)(
    'end when mpirun gets a signal, with a whole checkpoint: $launcher.name, $signal',
    async (given) => {
      const { launcher, signal, inOrder } = given
      if (!launcher) return
      const before = (await readFile(at('run', 'last_checkpoint'), 'utf8')).trim()
      let sent = Number.NaN
      const { code, out } = await run(launcher, 2, main, train(4000, '--no-evaluate', '--resume'), {
        onOutput(text, mpirun) {
          if (!Number.isNaN(sent) || (text.match(/\]\[\d+\/1000\]/g)?.length ?? 0) < 2) return
          sent = performance.now()
          mpirun.kill(signal)
        },
      })
      expect((performance.now() - sent) / 1000).toBeLessThan(30)
      const last = (await readFile(at('run', 'last_checkpoint'), 'utf8')).trim()
      await readTrainingCheckpoint(at('run', last))
      expect(code).not.toBe(0)
      if (!inOrder) return
      expect(code).toBe(130)
      expect(out).toMatch(/interrupted after \d+ iterations: .*iter_\d+\.safetensors/)
      expect(last).not.toBe(before)
    },
  )
})
