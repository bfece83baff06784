// `siamrpn train` from the command line: what it makes of its options, what it refuses, and a few real steps with all that they
// leave behind. The network is the smallest, the clips are generated.

import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../../../src/formats/safetensors.ts'
import { type NamedTensor, toFloat32 } from '../../../../src/formats/state-dict.ts'
import { openDevice } from '../../../../src/gpu/device.ts'
import { stateDictShapes } from '../../../../src/siamrpn/layout.ts'
import { SiamRPN } from '../../../../src/siamrpn/tracker.ts'
import { randomWeights } from '../../../../tools/cli/random-weights.ts'
import { runCommand } from '../../../../tools/cli/run.ts'
import { trainingConfig } from '../../../../tools/cli/train/command.ts'
import type { TrainOptions } from '../../../../tools/cli/train/session.ts'
import { readTrainingCheckpoint } from '../../../../tools/training/training-checkpoint.ts'
import { WorkDir } from '../../../../tools/training/work-dir.ts'
import { temporaryFolder } from '../../training/helpers.ts'
import { fakeLoad, fakeTerminal, fakeTrackers } from '../fakes.ts'

async function siamrpn(...args: string[]) {
  const terminal = fakeTerminal()
  const { loadTrackers } = fakeTrackers()
  const code = await runCommand(args, { terminal, load: fakeLoad().load, loadTrackers })
  return { code, out: terminal.stdout.text, err: terminal.stderr.text }
}

/** Two iterations an epoch of two small pairs each. */
const small = [
  ...['data.samples_per_gpu=2', 'data.workers_per_gpu=0', 'data.train.clips=4', 'data.train.frames_per_clip=6'],
  ...['data.train.width=96', 'data.train.height=96', 'log_config.interval=1'],
].flatMap((setting) => ['--set', setting])

const micro = (folder: string, ...args: string[]) =>
  siamrpn('train', '--config', 'micro', '--data', 'synthetic', '--work-dir', folder, ...small, ...args)

describe('options', () => {
  const options = (given: Partial<TrainOptions>): TrainOptions => ({
    config: 'micro',
    evaluate: true,
    progress: false,
    ...given,
  })

  test('leave the configuration alone where there are none', async () => {
    const config = await trainingConfig(options({ config: 'r50' }))
    expect(config.data?.samples_per_gpu).toBe(28)
    expect(config.evaluation?.start).toBe(10)
    expect(config.total_epochs).toBe(20)
  })

  test('replace the data, and do without the folders that lie beside it', async () => {
    const covers = async (given: Partial<TrainOptions>) => {
      const { train_pipeline = [] } = await trainingConfig(options({ config: 'mobile', ...given }))
      return train_pipeline.filter((step) => step.type === 'SeqOcclude')
    }
    expect(await covers({})).toEqual([{ type: 'SeqOcclude', prob: 0.12, img_prefix: 'data/photos' }])
    expect(await covers({ data: 'my/clips' })).toEqual([{ type: 'SeqOcclude', prob: 0.12 }])
  })

  test('replace the data by generated clips, others to measure on', async () => {
    const config = await trainingConfig(options({ data: 'synthetic' }))
    expect(config.data?.train).toMatchObject({ type: 'SyntheticClips', seed: 1 })
    expect(config.data?.val).toMatchObject({ type: 'SyntheticClips', seed: 1_000_000, clips: 20 })
    expect(config.data?.samples_per_gpu).toBe(28)
    expect(config.evaluation).toBeDefined()
  })

  test('replace the data by a folder, and measure only where there is something to measure on', async () => {
    const config = await trainingConfig(options({ data: 'my/clips' }))
    expect(config.data?.train).toMatchObject({ type: 'ClipFolder', path: 'my/clips' })
    expect([config.data?.val, config.evaluation]).toEqual([null, undefined])
    const both = await trainingConfig(options({ data: 'my/clips', val: 'my/others' }))
    expect(both.data?.val).toMatchObject({ type: 'ClipFolder', path: 'my/others' })
    expect(both.evaluation).toMatchObject({ start: null, interval: 1 })
  })

  test('stand above the configuration, --set too', async () => {
    const given = { workDir: 'w', loadFrom: 'x.pth', seed: 3, maxEpochs: 2, set: ['optimizer.lr=0.5', 'seed=9'] }
    const config = await trainingConfig(options(given))
    expect(config).toMatchObject({ work_dir: 'w', load_from: 'x.pth', seed: 3, total_epochs: 2 })
    expect(config.optimizer?.lr).toBe(0.5)
  })

  test('keep running statistics of weights that are loaded, and only of those', async () => {
    const { model } = await trainingConfig(options({ config: 'tiny', loadFrom: 'x.pth', keepStatistics: true }))
    const { backbone, neck, head } = model
    expect([backbone, neck!, head].map(({ norm_cfg }) => norm_cfg?.momentum)).toEqual([0, 0, 0])
    const resumed = await trainingConfig(options({ resume: true, keepStatistics: true }))
    expect(resumed.model.head.norm_cfg.momentum).toBe(0)
    await expect(trainingConfig(options({ keepStatistics: true }))).rejects.toThrow(/expected --load-from or --resume/)
  })

  test('take files', async () => {
    const folder = await temporaryFolder()
    const file = join(folder, 'mine.json')
    await writeFile(file, JSON.stringify({ ...(await trainingConfig(options({}))), total_epochs: 7 }))
    expect((await trainingConfig(options({ config: file }))).total_epochs).toBe(7)
    const script = join(folder, 'mine.mjs')
    await writeFile(script, `export const mine = ${await readFile(file, 'utf8')}`)
    expect((await trainingConfig(options({ config: script }))).total_epochs).toBe(7)
    await writeFile(script.replace('mine.', 'two.'), 'export const a = 1, b = 2')
    await expect(trainingConfig(options({ config: join(folder, 'two.mjs') }))).rejects.toThrow(/exports a, b, expected/)
    await expect(trainingConfig(options({ config: join(folder, 'none.json') }))).rejects.toThrow(/none\.json: ENOENT/)
  })
})

describe('what is wrong is said before anything is made', () => {
  test.each([
    [['--config', 'r51'], /r51 is neither a known configuration \(mobile, base, r50.* nor a file/],
    [['--config', 'micro', '--set', 'optimizer.lrr=1'], /unknown key|lrr/],
    [['--config', 'micro', '--max-iters', '0'], /whole number, 1 or more/],
    [['--config', 'micro', '--max-epochs', '30'], /end_epoch: found 20, expected at least total_epochs, 30/],
  ])('%j', async (args, message) => {
    const { code, err } = await siamrpn('train', ...args)
    expect(err).toMatch(message)
    expect(code).toBe(1)
  })

  test('help has every option and examples', async () => {
    const { code, out } = await siamrpn('train', '--help')
    expect(code).toBe(0)
    for (const word of [
      '--data',
      '--val',
      '--resume',
      '--load-from',
      '--keep-statistics',
      '--seed',
      '--max-iters',
      '--set',
      'LaSOT',
      'Ctrl-C',
    ]) {
      expect(out).toContain(word)
    }
  })

  test('data that is missing, with the layout that is expected', async () => {
    const folder = await temporaryFolder()
    const own = await siamrpn('train', '--config', 'micro', '--work-dir', folder, '--data', join(folder, 'nothing'))
    expect(own.code).toBe(1)
    expect(own.err).toMatch(/no folder .*nothing;[\s\S]*groundtruth\.txt/)
    const seed = await siamrpn('train', '--config', 'micro', '--work-dir', folder, '--no-evaluate')
    expect(seed.code).toBe(1)
    expect(seed.err).toMatch(/imagenet_vid_train\.json/)
    expect((await readdir(folder)).filter((name) => name.endsWith('.safetensors') || name.endsWith('.lock'))).toEqual(
      [],
    )
  })

  test.each([
    ['without any extent', '10,12,1e-30,1e-30', /error: sample .*: the box \[10,12,10,12\] has no area/],
    ['beyond the pixels of a window', '10,12,1e6,1e-3', /error: .*box \[.*\] expected finite x1 < x2 and y1 < y2/],
  ])('boxes %s, when a pair is drawn, and the folder is free again', async (_, line, message) => {
    const clips = await temporaryFolder()
    const images = join(clips, 'clip', 'img')
    await mkdir(images, { recursive: true })
    const gray = { create: { width: 64, height: 48, channels: 3, background: '#808080' } } as const
    for (const frame of [1, 2, 3])
      await sharp(gray)
        .png()
        .toFile(join(images, `${frame}.png`))
    await writeFile(join(clips, 'clip', 'groundtruth.txt'), `${line}\n`.repeat(3))
    const folder = await temporaryFolder()
    const trained = ['train', '--config', 'micro', '--data', clips, '--work-dir', folder, '--max-iters', '1']
    const workers = ['--set', 'data.workers_per_gpu=1', '--no-evaluate']
    const { code, err } = await siamrpn(...trained, ...workers)
    expect([code, err]).toEqual([1, expect.stringMatching(message)])
    expect((await readdir(folder)).filter((name) => /\.lock$|\.safetensors$/.test(name))).toEqual([])
  })

  test('a folder that another process trains in', async () => {
    const folder = await temporaryFolder()
    const workDir = await WorkDir.open(folder)
    const { code, err } = await micro(folder)
    expect([code, err]).toEqual([1, expect.stringMatching(/error: process \d+ on .* trains in/)])
    await workDir.close()
  })

  test('a checkpoint that cannot be gone on from', async () => {
    const folder = await temporaryFolder()
    const { model } = await trainingConfig({ config: 'small', evaluate: true, progress: false })
    const weights = join(folder, 'weights.safetensors')
    await writeFile(weights, writeSafetensors(randomWeights(stateDictShapes(model), 1)))
    const resumed = await micro(folder, '--resume', weights)
    expect([resumed.code, resumed.err]).toEqual([1, expect.stringMatching(/holds weights, but not where training was/)])
    const other = await micro(folder, '--load-from', weights)
    expect([other.code, other.err]).toEqual([1, expect.stringMatching(/weights\.safetensors does not fit the model/)])
  })
})

describe('a short training', () => {
  test('leaves logs, its configuration and a checkpoint that tracks; resumed, it ends with the same bits', async () => {
    const folder = await temporaryFolder()
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    const run = await micro(whole, '--max-iters', '3', '--no-evaluate')
    expect(run.err).not.toContain('error')
    expect(run.code).toBe(0)
    expect(run.out).toMatch(/phase frozen: \d\.\d\d GB/)
    expect(run.out).toMatch(/Epoch \[1\]\[1\/2\]\tlr: 1\.000e-03, lr_backbone: 1\.000e-04, .*grad_norm: \d/)
    expect(run.out).toMatch(/finished after 3 iterations: .*iter_3\.safetensors/)
    const names = await readdir(whole)
    expect(names).toEqual(expect.arrayContaining(['config.json', 'epoch_1.safetensors', 'last_checkpoint']))
    const log = names.find((name) => name.endsWith('.log.json'))
    const records = (await readFile(join(whole, log!), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(records[0]).toMatchObject({ seed: 0, config: { total_epochs: 20 } })
    expect(records.slice(1).map(({ epoch, iter }) => [epoch, iter])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ])

    for (const iterations of ['1', '3']) {
      expect((await micro(parts, '--max-iters', iterations, '--resume', '--no-evaluate')).code).toBe(0)
    }
    const [last, resumed] = [join(whole, 'iter_3.safetensors'), join(parts, 'iter_3.safetensors')]
    const { config: _, ...expected } = await readTrainingCheckpoint(last)
    expect(await readTrainingCheckpoint(resumed)).toMatchObject(expected)

    const { optimizer } = expected
    expect([...optimizer.keys()].filter((name) => name.startsWith('backbone'))).toEqual([])
    expect(optimizer.has('neck.convs.0.conv.weight.momentum_buffer')).toBe(true)
    const device = await openDevice()
    const config = await trainingConfig({ config: 'micro', evaluate: true, progress: false })
    const tracker = await SiamRPN.load({ checkpoint: last, config, device })
    const frame = { data: new Uint8Array(80 * 60 * 3).fill(90), width: 80, height: 60 }
    const target = await tracker.init(frame, { x: 20, y: 20, width: 20, height: 15 })
    expect((await target.update(frame)).score).toBeGreaterThanOrEqual(0)
    await tracker.close()
    await device.close()
  })

  test('in half precision says its scale, and goes on in single precision and back, with a note each', async () => {
    const folder = await temporaryFolder()
    const more = ['--no-evaluate', '--resume', '--max-iters']
    const half = (scale: string) => ['--set', `fp16.loss_scale=${scale}`]
    const first = await micro(folder, ...more, '1', ...half('dynamic'))
    expect([first.code, first.err]).toEqual([0, expect.not.stringContaining('error')])
    expect(first.out).toMatch(/Epoch \[1\]\[1\/2\]\t.*, grad_norm: \d+\.\d{4}, loss_scale: 65536, skipped_updates: 0/)
    const { optimizer } = await readTrainingCheckpoint(join(folder, 'iter_1.safetensors'))
    expect(toFloat32(optimizer.get('loss_scaler.scale')!)[0]).toBe(65536)
    const second = await micro(folder, ...more, '3', ...half('{"init_scale": 8}'))
    expect(second.out).toMatch(/note: fp16 of the configuration changed since .*iter_1\.safetensors was written/)
    expect(second.out).toMatch(/Epoch \[2\]\[1\/2\]\t.*, loss_scale: 65536, skipped_updates: 0/)
    const third = await micro(folder, ...more, '4')
    expect(third.out).toMatch(
      /note: .*iter_3\.safetensors was trained in half precision \(fp16\), training goes on in single precision/,
    )
    expect(third.out).not.toContain('loss_scale')
    const fourth = await micro(folder, ...more, '5', ...half('512.'))
    expect(fourth.out).toMatch(
      /note: .*epoch_2\.safetensors was trained in single precision, training goes on in half precision \(fp16\)/,
    )
    expect(fourth.out).not.toMatch(/note: fp16/)
    expect(fourth.out).toMatch(/Epoch \[3\]\[1\/2\]\t.*, loss_scale: 512, skipped_updates: 0/)
  })

  test('that never has finite gradients ends with a sentence, and tells of each update that was left out before', async () => {
    const folder = await temporaryFolder()
    const huge = ['fp16.loss_scale=1e38', 'model.head.loss_cls.loss_weight=1e30', 'data.samples_per_epoch=80'].flatMap(
      (setting) => ['--set', setting],
    )
    const { code, out, err } = await micro(folder, '--no-evaluate', ...huge)
    expect(code).toBe(1)
    expect(
      out.match(/Epoch \[1\]\[\d+\/40\]\tgradients are not finite: no update; the loss scale stays 9\.\d+e\+37\n/g),
    ).toHaveLength(29)
    expect(err).toMatch(
      /error: training has diverged: epoch 1, iteration 30 of 40 .*30 updates in a row .* no checkpoint yet/,
    )
  })

  test('keeps the anchors of the weights it starts from, and notes what changed when it goes on', async () => {
    const folder = await temporaryFolder()
    const { model } = await trainingConfig({ config: 'micro', evaluate: true, progress: false })
    const weights = join(folder, 'pysot.safetensors')
    const state = randomWeights(stateDictShapes(model), 1)
    await writeFile(weights, writeSafetensors(state, { 'siamrpn.anchors': 'pysot' }))
    const first = await micro(folder, '--load-from', weights, '--max-iters', '1', '--no-evaluate')
    expect([first.code, first.out]).toEqual([0, expect.stringContaining(`weights: all of ${weights}`)])
    const second = await micro(folder, '--resume', '--set', 'optimizer.lr=0.002', '--max-iters', '2', '--no-evaluate')
    expect(second.out).toMatch(/note: optimizer of the configuration changed since .*iter_1\.safetensors was written/)
    expect((await readTrainingCheckpoint(join(folder, 'epoch_1.safetensors'))).anchors).toBe('pysot')
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
    expect(config.model.head.anchor_generator.variant).toBe('pysot')
  })

  test('leaves running statistics as they were loaded, where it is told to, and trains the rest', async () => {
    const folder = await temporaryFolder()
    const { model } = await trainingConfig({ config: 'micro', evaluate: true, progress: false })
    const weights = join(folder, 'weights.safetensors')
    const loaded = randomWeights(stateDictShapes(model), 1)
    await writeFile(weights, writeSafetensors(loaded))
    const flags = ['--max-iters', '1', '--no-evaluate']
    const changed = async (...args: string[]) => {
      const { code, err } = await micro(folder, '--load-from', weights, ...flags, ...args)
      expect([code, err]).toEqual([0, expect.anything()])
      const { model: trained } = await readTrainingCheckpoint(join(folder, 'iter_1.safetensors'))
      const differs = ([name, tensor]: [string, NamedTensor]) =>
        Buffer.compare(tensor.data, trained.get(name)!.data) !== 0
      return [...loaded].filter(differs).map(([name]) => name)
    }
    const running = (name: string) => /running_(mean|var)$/.test(name)
    expect((await changed()).filter(running).length).toBeGreaterThan(10)
    const kept = await changed('--keep-statistics')
    expect(kept.filter(running)).toEqual([])
    expect(kept.filter((name) => /\.weight$/.test(name)).length).toBeGreaterThan(10)
  })

  test('measures after epochs, and keeps the best', async () => {
    const folder = await temporaryFolder()
    const measured = ['data.val.clips=1', 'data.val.frames_per_clip=3', 'data.val.width=96', 'data.val.height=96']
    const sets = [...measured, 'evaluation.start=1', 'data.train.clips=2'].flatMap((setting) => ['--set', setting])
    const { code, out } = await micro(folder, ...sets, '--max-epochs', '1')
    expect(code).toBe(0)
    expect(out).toMatch(
      /Epoch\(val\) \[1\]\tsuccess: \d+\.\d{4}, norm_precision: .*precision: .*mean_overlap: .*on_target: /,
    )
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['epoch_1.safetensors']))
  })
})

describe('Ctrl-C, and a terminal that is closed', () => {
  test.each(['SIGINT', 'SIGHUP'] as const)(
    '%s finishes the step, writes a checkpoint and ends with 130',
    async (signal) => {
      const folder = await temporaryFolder()
      const main = fileURLToPath(new URL('../../../../tools/cli/main.ts', import.meta.url))
      const options = ['--config', 'micro', '--data', 'synthetic', '--work-dir', folder, '--no-evaluate', ...small]
      const child = spawn(process.execPath, ['--import', 'tsx', main, 'train', ...options], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        const before = text.includes('Epoch [')
        text += chunk.toString()
        if (!before && text.includes('Epoch [')) child.kill(signal)
      })
      const code = await new Promise((resolve) => child.on('close', resolve))
      expect(code).toBe(130)
      const [, iterations] = /interrupted after (\d+) iterations: (.*safetensors)/.exec(text) ?? []
      const last = await readFile(join(folder, 'last_checkpoint'), 'utf8')
      const { facts } = await readTrainingCheckpoint(join(folder, last.trim()))
      expect(2 * facts.epoch + facts.iteration).toBe(Number(iterations))
      expect(await readdir(folder)).not.toContain('training.lock')
    },
  )
})
