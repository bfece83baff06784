// Several ranks under the mpirun of Open MPI and of MPICH, all on one software adapter.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDevice } from '../../../src/gpu/device.ts'
import { readTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { withTrainer } from '../../train/trainer-helpers.ts'
import { valuesOf } from './steps.ts'

const launchers = [
  { name: 'Open MPI', path: '/usr/bin/mpirun.openmpi', flags: ['--oversubscribe'] },
  { name: 'MPICH', path: '/usr/bin/mpirun.mpich', flags: [] },
].filter(({ name, path }) => {
  if (!existsSync(path)) console.warn(`Skipped: there is no ${name}; \`node scripts/ensure-mpi.mjs\` installs it.`)
  return existsSync(path)
})
type Launcher = (typeof launchers)[number]

const place = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const environment = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** From the first line printed to the end of the last rank. */
  readonly seconds: number
}

/** Runs `node script` on so many ranks. @param perRank arguments that differ; the first rank gets the first list */
async function run(
  { path, flags }: Launcher,
  ranks: number,
  script: string,
  args: readonly string[],
  perRank?: readonly (readonly string[])[],
): Promise<Ended> {
  const rank = (more: readonly string[]) => [process.execPath, '--import', 'tsx', place(script), ...args, ...more]
  const programs = perRank
    ? perRank.flatMap((more, i) => [...(i > 0 ? [':'] : []), '-n', '1', ...rank(more)])
    : ['-n', String(ranks), ...rank([])]
  let start = Number.NaN
  const child = spawn(path, [...flags, ...programs], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    if (out === '') start = performance.now()
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, err, seconds: (performance.now() - start) / 1000 }
}

async function outcome(launcher: Launcher, ranks: number, script: string, ...args: string[]) {
  const { code, out, err } = await run(launcher, ranks, script, args)
  expect([code, code === 0 ? '' : err]).toEqual([0, ''])
  return JSON.parse(out.trim().split('\n').at(-1) ?? '')
}

describe.each(launchers)('$name', (launcher) => {
  const child = './collective-child.ts'

  test('sums in the order of ranks, to the bit; carries words; divides work; tells what ranks lack and how they differ', async () => {
    const [sums, words, [fails, differs]] = await outcome(launcher, 3, child, 'sums,words,failure')
    expect(sums).toEqual([0, 0, 0])
    expect(words).toEqual({
      all: ['', 'rank 1', 'rank 2rank 2'],
      first: 'from 0',
      shared: [
        ['a', 0],
        ['b', 1],
        ['c', 2],
        ['d', 0],
      ],
    })
    expect(fails).toEqual([
      'DistributedError',
      expect.stringMatching(/^rank 1 \(.+\): no such file\nrank 2 \(.+\): no such file$/),
    ])
    expect(differs[1]).toMatch(
      /^the ranks differ:\n {2}configuration\.data\.batch is 1 on rank 1 \(.+\), expected 0 as on rank 0\n/,
    )
  })

  test('names a rank that hangs', async () => {
    const { code, out } = await run(launcher, 3, child, ['hang', '3'])
    expect(code).not.toBe(0)
    expect(out).toMatch(/"DistributedError","rank 1 \(.+\) did not come to the exchange of gradients within 4 s/)
  })

  test('waits for a rank that says that it is at work', async () => {
    expect(await outcome(launcher, 2, child, 'busy', '2')).toEqual([null])
  })

  test('ends all ranks within 30 s where one dies', async () => {
    const { code, out, seconds } = await run(launcher, 3, child, ['die'])
    expect([code === 0, out]).toEqual([false, expect.stringMatching(/^dying\n/)])
    expect(seconds).toBeLessThan(30)
  })
})

const [first] = launchers
describe.skipIf(!first)('ranks that train together', () => {
  const steps = 30
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siamrpn-mpi-'))
  })
  afterAll(async () => await rm(folder, { recursive: true }))

  test.each([2, 3])('%i of them are one that gathers over all their batches, over thirty steps', async (ranks) => {
    const device = await openDevice()
    const alone = await withTrainer(device, { cumulativeIters: ranks }, async ({ trainer, step }) => {
      await trainer.startEpoch(0)
      const losses: number[] = []
      for (let k = 0; k < steps * ranks; k++) losses.push((await step(k)).losses.loss)
      return { losses, weights: valuesOf(await trainer.modelState()) }
    })
    await device.close()
    const together = await outcome(first!, ranks, './step-child.ts', String(steps))
    expect(new Set(together.hashes).size).toBe(1)
    const apart = (a: readonly number[], b: readonly number[]) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))))
    const losses = Array.from({ length: steps * ranks }, (_, k) => together.losses[k % ranks][Math.floor(k / ranks)])
    expect(apart(losses, alone.losses)).toBeLessThan(1e-6)
    expect(together.weights.length).toBe(alone.weights.length)
    expect(apart(together.weights, alone.weights)).toBeLessThan(1e-6)
    console.info(
      `${ranks} ranks: losses ${apart(losses, alone.losses)}, weights ${apart(together.weights, alone.weights)}`,
    )
  })

  const main = '../../../tools/cli/main.ts'
  const small = [
    ...['data.samples_per_gpu=2', 'data.workers_per_gpu=0', 'data.train.clips=4', 'data.train.frames_per_clip=6'],
    ...['data.train.width=96', 'data.train.height=96', 'log_config.interval=1', 'data.samples_per_epoch=8'],
  ].flatMap((setting) => ['--set', setting])
  const train = () => [
    ...['train', '--config', 'micro', '--data', 'synthetic', '--launcher', 'mpi', '--no-evaluate', '--no-progress'],
    ...['--work-dir', folder, ...small],
  ]

  test('train by the command line, and rank 0 alone writes', async () => {
    const { code, out, err } = await run(first!, 2, main, [...train(), '--max-iters', '1'])
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(out.match(/2 ranks, each with batches of 2/g)?.length).toBe(1)
    expect(out.match(/2 iterations an epoch, 1 to go/g)?.length).toBe(1)
    expect(out.match(/Epoch \[1\]\[1\/2\]/g)?.length).toBe(1)
    const { facts } = await readTrainingCheckpoint(join(folder, 'iter_1.safetensors'))
    expect(facts).toMatchObject({ epoch: 0, iteration: 1, iterationsPerEpoch: 2, batchSize: 2, ranks: 2 })
    expect(await readdir(folder)).not.toContain('training.lock')
  })

  test('are compared before they start', async () => {
    const { code, err } = await run(first!, 2, main, train(), [[], ['--set', 'optimizer.lr=0.5']])
    expect(code).not.toBe(0)
    expect(err).toMatch(
      /^(Warning: .*\n)*error: the ranks differ:\n {2}configuration\.optimizer\.lr is 0\.5 on rank 1 \(.+\), expected [\d.]+ as on rank 0\n/,
    )
    expect(err.match(/error: /g)?.length).toBe(1)
  })
})
