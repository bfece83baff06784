// `siamrpn evaluate` from the command line, on miniature data sets, with a stand-in tracker: what it writes and prints, what it
// refuses, how it goes on. At the end the real tracker, with a very small model.

import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../../../src/formats/safetensors.ts'
import { namedConfig } from '../../../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../../../src/siamrpn/layout.ts'
import { openStoredEvaluation } from '../../../../tools/cli/evaluate/folder.ts'
import { loadTrackers } from '../../../../tools/cli/evaluate/load-trackers.ts'
import { randomWeights } from '../../../../tools/cli/random-weights.ts'
import { runCommand } from '../../../../tools/cli/run.ts'
import { loadTracker } from '../../../../tools/cli/track/load-tracker.ts'
import { SyntheticClips } from '../../../../tools/clips/clips.ts'
import { type LayoutName, layouts } from '../../../../tools/clips/write.ts'
import { temporaryFolder } from '../../training/helpers.ts'
import { fakeTerminal, runFake } from '../fakes.ts'

const clips = { seed: 1_000_001, clips: 3, framesPerClip: 6, width: 96, height: 96 }

/** A data set, a file that stands for a checkpoint, and the command line that evaluates the one on the other. */
async function miniature(layout: LayoutName = 'folder', settings: Partial<typeof clips> = {}) {
  const folder = await temporaryFolder()
  const root = join(folder, 'data')
  const out = join(folder, 'out')
  const checkpoint = join(folder, 'model.pth')
  await layouts[layout](new SyntheticClips({ ...clips, ...settings }), root)
  await writeFile(checkpoint, 'weights')
  const model = ['--config', 'micro', '--checkpoint', checkpoint]
  const args = ['evaluate', ...model, '--dataset', layout, '--root', root, '--out', out, '--no-report']
  return { folder, root, out, checkpoint, args }
}

const readJson = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8'))

describe('an evaluation', () => {
  test('tracks every video, saves each, and says how good the tracker is', async () => {
    const { out, args } = await miniature()
    const { code, out: text, err, evaluation } = await runFake([...args, '--tracker-name', 'fake'])
    expect(err).not.toMatch(/error/)
    expect(code).toBe(0)
    expect(evaluation).toMatchObject({ inits: 3, updates: 15, held: 0, closed: true })
    expect(text).toContain('Own clips: 3 videos, 18 frames')
    expect(text).toMatch(/tracker +Success \(AUC\).*\nfake +\d+\.\d/)
    expect(text).toMatch(/\nworst +frames +Success \(AUC\).*\nsynthetic-\d +6 /)
    expect(await readdir(join(out, 'sequences'))).toEqual(['synthetic-1.json', 'synthetic-2.json', 'synthetic-3.json'])
    const first = await readJson(out, 'sequences', 'synthetic-1.json')
    expect(first.regions).toHaveLength(6)
    expect(first.regions[1][0]).toBeCloseTo(first.regions[0][0] + 1, 4)
    const summary = await readJson(out, 'summary.json')
    expect(summary).toMatchObject({ tracker: 'fake', complete: true, failures: [], adapter: 'fake adapter' })
    expect(summary.overall.success).toBeGreaterThan(10)
    expect(summary.sequences).toHaveLength(3)
    expect(summary.run.frames).toBe(18)
    const lines = (await readFile(join(out, 'submission', 'synthetic-1.txt'), 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[1]?.split(',').map(Number)[0]).toBeCloseTo(first.regions[1][0], 3)
  })

  test('reads a configuration whatever its training part says, and names in one line what it left alone', async () => {
    const { folder, args } = await miniature()
    const file = join(folder, 'theirs.json')
    const theirs = { fp16: { loss_scale: 'static' }, optimizer: { type: 'Lion' }, custom_hooks: [{ type: 'Mine' }] }
    await writeFile(file, JSON.stringify({ model: namedConfig('micro').model, ...theirs }))
    const { code, err } = await runFake(args.map((arg) => (arg === 'micro' ? file : arg)))
    expect(code).toBe(0)
    const lines = err.split('\n').filter((line) => line.includes('only needed for training'))
    expect(lines).toEqual([
      'note: not understood of the configuration, and only needed for training: custom_hooks.0.type, optimizer.type, fp16.loss_scale',
    ])
    expect((await runFake(['train', '--config', file, '--data', 'synthetic'])).err).toMatch(
      /custom_hooks\.0\.type: found "Mine"/,
    )
  })

  test('stores filters as asked, and does not mix two precisions in one folder', async () => {
    const { args } = await miniature()
    expect((await runFake(args)).evaluation.request?.precision).toBe('f32')
    const { code, err } = await runFake([...args, '--precision', 'f16', '--resume'])
    expect(code).not.toBe(0)
    expect(err).toMatch(/precision/)
    const { args: others } = await miniature()
    expect((await runFake([...others, '--precision', 'f16'])).evaluation.request?.precision).toBe('f16')
    expect((await runFake([...others, '--precision', 'f8'])).err).toMatch(/Allowed choices are f32, f16/)
  })

  test('tracks several videos at once if asked to, with the same answers', async () => {
    const { out, args, folder } = await miniature()
    await runFake(args)
    const other = join(folder, 'other')
    const { code, out: text } = await runFake([...args, '--out', other, '--parallel', '2'])
    expect(code).toBe(0)
    expect(text).toContain('fake adapter, 2 videos at once')
    const regions = async (path: string) => (await readJson(path, 'sequences', 'synthetic-2.json')).regions
    expect(await regions(other)).toEqual(await regions(out))
  })

  test('takes the first videos alone with --limit, and the rest later', async () => {
    const { out, args } = await miniature()
    const first = await runFake([...args, '--limit', '1'])
    expect(first.evaluation.inits).toBe(1)
    const rest = await runFake([...args, '--resume'])
    expect(rest.out).toContain('3 videos, 1 of them done before')
    expect(rest.evaluation.inits).toBe(2)
    expect((await readJson(out, 'summary.json')).sequences).toHaveLength(3)
  })

  test('makes a folder of its own data set out by itself', async () => {
    const { args } = await miniature('lasot')
    const { code, out } = await runFake(args.filter((arg) => arg !== '--dataset' && arg !== 'lasot'))
    expect(code).toBe(0)
    expect(out).toContain('LaSOT')
  })

  test('restarts in VOT, and does not where test_mode is OPE', async () => {
    const { out, args, folder } = await miniature('vot2018')
    const { code, out: text } = await runFake([...args, '--tracker-name', 'fake'])
    expect(code).toBe(0)
    expect(text).toMatch(/EAO/)
    const [name = ''] = await readdir(join(out, 'sequences'))
    expect((await readJson(out, 'sequences', name)).regions[0]).toBe(1)
    const file = join(
      out,
      'submission',
      'fake',
      'baseline',
      basename(name, '.json'),
      `${basename(name, '.json')}_001.txt`,
    )
    expect(await readFile(file, 'utf8')).toMatch(/^1\n/)
    const once = join(folder, 'once')
    const ope = await runFake([...args, '--out', once, '--set', 'model.test_cfg.test_mode=OPE'])
    expect(ope.out).toMatch(/Success/)
    expect((await readJson(once, 'sequences', name)).regions[0]).toHaveLength(4)
  })

  test('runs by VOT where test_mode says so', async () => {
    const { out, args } = await miniature('otb100')
    expect((await runFake([...args, '--set', 'model.test_cfg.test_mode=VOT'])).code).toBe(0)
    expect((await readJson(out, 'summary.json')).benchmark.protocol).toBe('vot')
  })

  test("takes the configuration's own clips where nothing is named", async () => {
    const { args, out } = await miniature()
    const at = args.indexOf('--dataset')
    const settings = ['data.test.type=SyntheticClips', 'data.test.clips=2', 'data.test.frames_per_clip=4']
    const own = settings.flatMap((setting) => ['--set', setting])
    const { code, out: text } = await runFake([...args.slice(0, at), ...args.slice(at + 4), ...own, '--out', out])
    expect(code).toBe(0)
    expect(text).toContain('2 videos, 8 frames')
  })
})

describe('what cannot be evaluated', () => {
  test('is told before anything is loaded', async () => {
    const { args, folder } = await miniature()
    const refused = async (...changed: string[]) => {
      const { code, err, evaluation } = await runFake(changed)
      expect(code).toBe(1)
      expect(evaluation.request).toBeUndefined()
      return err
    }
    expect(await refused('evaluate', '--config', 'r50', '--dataset', 'synthetic')).toBe(
      'error: --config r50 has no model of its own: give one with --checkpoint\n',
    )
    const [checkpoint = ''] = args.slice(args.indexOf('--checkpoint') + 1)
    const model = ['evaluate', '--config', 'micro', '--checkpoint', checkpoint]
    expect(await refused(...model, '--dataset', 'lasot')).toMatch(/--dataset lasot needs --root/)
    expect(await refused(...model, '--dataset', 'lasot', '--root', join(folder, 'none'))).toMatch(
      /no folder .*none; expected LaSOT/,
    )
    expect(await refused(...model, '--dataset', 'synthetic', '--root', folder)).toMatch(/has no folder/)
    await mkdir(join(folder, 'empty'))
    expect(await refused(...model, '--root', join(folder, 'empty'))).toMatch(/none of the data sets/)
    expect(await refused(...model, '--dataset', 'synthetic', '--compare', `DiMP=${folder}`)).toMatch(/holds no results/)
  })

  test('names options that contradict themselves', async () => {
    expect((await runFake(['evaluate', '--dataset', 'imagenet'])).err).toMatch(/Allowed choices are lasot, otb100/)
    expect((await runFake(['evaluate', '--tracker-name', '../x'])).err).toMatch(/it names files/)
    expect((await runFake(['evaluate', '--compare', 'x'])).err).toMatch(/Expected NAME=FOLDER/)
  })

  test('a broken image: the other videos go on, exit code 1, and --resume tries again', async () => {
    const { root, out, args, folder } = await miniature()
    const file = join(root, 'synthetic-2', 'img', '00000003.jpg')
    await copyFile(file, join(folder, 'kept.jpg'))
    await writeFile(file, 'no image')
    const { code, err, out: text } = await runFake(args)
    expect(code).toBe(1)
    expect(err).toMatch(/error: synthetic-2: cannot read the image .*00000003\.jpg: /)
    expect(err).toMatch(/1 of 3 videos could not be tracked; --resume tries them again/)
    expect(text).toMatch(/Success/)
    expect((await readJson(out, 'summary.json')).failures).toHaveLength(1)
    await copyFile(join(folder, 'kept.jpg'), file)
    const again = await runFake([...args, '--resume'])
    expect(again.code).toBe(0)
    expect(again.evaluation.inits).toBe(1)
    expect(await readJson(out, 'summary.json')).toMatchObject({ complete: true, failures: [] })
  })
})

describe('--resume', () => {
  test('goes on after Ctrl-C with the videos that are not done', async () => {
    const { out, args } = await miniature()
    const interrupt = (updates: number) => {
      if (updates === 8) process.listeners('SIGINT').at(-1)?.('SIGINT')
    }
    const before = process.listeners('SIGINT').length
    const { code, err, evaluation } = await runFake(args, interrupt)
    expect(code).toBe(130)
    expect(err).toContain(`interrupted with 1 of 3 videos done; the same command with --out ${out} --resume goes on`)
    expect(evaluation).toMatchObject({ held: 0, closed: true })
    expect(await readdir(join(out, 'sequences'))).toEqual(['synthetic-1.json'])
    expect(process.listeners('SIGINT').length).toBe(before)
    const rest = await runFake([...args, '--resume'])
    expect(rest.code).toBe(0)
    expect(rest.evaluation.inits).toBe(2)
    // The speed of a part is not shown as that of the whole.
    expect(rest.out).toMatch(/tracked .* frames per second, without the 1 video of an earlier run/)
    expect((await readJson(out, 'summary.json')).run).toMatchObject({ videosBefore: 1 })
    expect((await runFake(['report', out])).code).toBe(0)
    const scope = 'the frames of the last run alone, without the 1 video of an earlier one'
    expect((await readFile(join(out, 'report.html'), 'utf8')).split(scope)).toHaveLength(3)
  })

  test('goes on after Ctrl-C while the trackers were loaded, too', async () => {
    const { out, args } = await miniature()
    const terminal = fakeTerminal()
    const loadTrackers = () => {
      process.listeners('SIGINT').at(-1)?.('SIGINT')
      return new Promise<never>(() => {})
    }
    expect(await runCommand(args, { terminal, load: loadTrackers, loadTrackers })).toBe(130)
    expect(await readdir(out)).toContain('run.json')
    const told = `interrupted with 0 of 3 videos done; the same command with --out ${out} --resume goes on`
    expect(terminal.stderr.text).toContain(told)
    expect((await runFake([...args, '--resume'])).evaluation.inits).toBe(3)
  })

  test('has nothing to track where all is done, and gives the same numbers', async () => {
    const { out, args } = await miniature()
    await runFake(args)
    const before = await readJson(out, 'summary.json')
    const { code, evaluation } = await runFake([...args, '--resume'])
    expect(code).toBe(0)
    expect(evaluation.request).toBeUndefined()
    expect((await readJson(out, 'summary.json')).overall).toEqual(before.overall)
  })

  test('is needed where results are', async () => {
    const { out, args } = await miniature()
    await runFake(args)
    const { code, err } = await runFake(args)
    expect(code).toBe(1)
    expect(err).toContain(`${out} holds an earlier evaluation (3 videos); go on with it by --resume`)
  })

  test('refuses another checkpoint, other settings, another data set', async () => {
    const { checkpoint, args } = await miniature()
    await runFake(args)
    const refused = async (...more: string[]) => (await runFake([...args, '--resume', ...more])).err
    expect(await refused('--set', 'model.test_cfg.rpn.lr=0.5')).toContain('model.test_cfg.rpn.lr: 0.38 -> 0.5')
    expect(await refused('--dataset', 'otb100')).toMatch(/error/)
    await rm(checkpoint)
    await writeFile(checkpoint, 'other weights')
    expect(await refused()).toMatch(/sha256: "[0-9a-f]{64}" -> "[0-9a-f]{64}"/)
  })
})

test('sets other results beside its own: an evaluation, or published files', async () => {
  const { folder, out, args } = await miniature()
  await runFake([...args, '--tracker-name', 'first'])
  const published = join(out, 'submission')
  await rm(join(published, 'synthetic-3.txt'))
  const compared = ['--compare', `before=${out}`, '--compare', `DiMP=${published}`]
  const {
    code,
    out: text,
    err,
  } = await runFake([...args, ...['--out', join(folder, 'second'), '--tracker-name', 'second'], ...compared])
  expect(code).toBe(0)
  const numbers = (name: string) => new RegExp(`\\n${name} +(\\S.*)`).exec(text)?.[1]
  expect(numbers('before')).toBe(numbers('second'))
  expect(numbers('DiMP')).toMatch(/\d/)
  expect(err).toMatch(/warning: .*no result of 1 of 3 sequences \(synthetic-3\)/)
})

test('makes a report, and its folder can be opened again', async () => {
  const { folder, out, args } = await miniature()
  const withReport = args.filter((arg) => arg !== '--no-report')
  const { code, out: text } = await runFake(withReport)
  expect(code).toBe(0)
  expect(text).toContain(join(out, 'report.html'))
  expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('synthetic-2')
  const stored = await openStoredEvaluation(out, () => undefined)
  expect(stored).toMatchObject({ tracker: 'model', config: 'micro', data: { name: 'folder' } })
  expect([...stored.results.keys()]).toEqual(['synthetic-1', 'synthetic-2', 'synthetic-3'])
  await expect(openStoredEvaluation(folder, () => undefined)).rejects.toThrow('holds no evaluation')
})

test('writes the submission of a split without truth, and says that there are no scores', async () => {
  const { folder, out, args } = await miniature('got10k')
  const root = join(folder, 'download')
  await layouts.got10k(new SyntheticClips(clips), join(root, 'test'), { split: 'test' })
  const { code, err } = await runFake([...args, '--root', root, '--split', 'test'])
  expect(code).toBe(0)
  expect(err).toContain('no scores: the data set keeps its truth to itself')
  const names = await readdir(join(out, 'submission'))
  expect(names[0]).toMatch(/^GOT-10k_Test_0/)
  expect(await readdir(join(out, 'submission', names[0] ?? ''))).toEqual([
    `${names[0]}_001.txt`,
    `${names[0]}_time.txt`,
  ])
  expect(await readdir(out)).toContain('submission.zip')
})

test('tracks on a device, alike in one go and in two', async () => {
  const { folder, args, checkpoint } = await miniature('folder', { clips: 2, framesPerClip: 3 })
  const { model } = namedConfig('micro')
  await writeFile(checkpoint, writeSafetensors(randomWeights(stateDictShapes(model), 'evaluation')))
  const real = async (...given: string[]) => {
    const terminal = fakeTerminal()
    const code = await runCommand(given, { terminal, load: loadTracker, loadTrackers })
    expect(terminal.stderr.text).not.toMatch(/error/)
    return { code, out: terminal.stdout.text }
  }
  const whole = join(folder, 'whole')
  const parts = join(folder, 'parts')
  expect((await real(...args, '--out', whole, '--parallel', '2')).code).toBe(0)
  expect((await real(...args, '--out', parts, '--limit', '1')).code).toBe(0)
  expect((await real(...args, '--out', parts, '--resume')).code).toBe(0)
  for (const name of await readdir(join(whole, 'sequences'))) {
    const { seconds: _, ...first } = await readJson(whole, 'sequences', name)
    const { seconds: __, ...second } = await readJson(parts, 'sequences', name)
    expect(second).toEqual(first)
    expect(first.scores.every((score: number) => score > 0 && score <= 1)).toBe(true)
  }
  expect((await readJson(parts, 'summary.json')).overall).toEqual((await readJson(whole, 'summary.json')).overall)
})
