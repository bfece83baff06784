// `npm run golden` as a whole: the project's own set passes; a changed value fails; a broken directory is refused.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenDirectory } from '../../../golden-directory.ts'
import { copyOf, editJson, editTensor, emptySet, golden } from './sets.ts'

/** Fifty training steps and every clip of the small model: minutes on a busy software adapter. */
const wholeSet = 600_000

describe("the project's own set", () => {
  test('passes, and says what it left out', { timeout: wholeSet }, async () => {
    const { code, lines, out } = await golden()
    expect(out).not.toContain('FAIL')
    expect(code).toBe(0)
    expect(lines.map((line) => line[0])).toEqual(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'])
    const line = (name: string) => lines.find((text) => text.startsWith(name))
    expect(line('A')).toMatch(/12 cases {2}PASS {2,}\d+\.\d s {2}\d+ values equal/)
    expect(line('B')).toMatch(/136 cases {2}PASS .*largest error \d\S* of 1e-5 in [^;]+$/)
    expect(line('C')).toMatch(/2 cases {2}PASS .* of 1e-4 in .*; left for --slow: 2 \(r50\.b1, r50\.b2\)/)
    expect(line('D')).toMatch(
      /2 cases {2}PASS .*largest error .*; left for --slow: 2 \(D\.r50\.frozen, D\.r50\.unfrozen\)/,
    )
    expect(line('E')).toMatch(
      /2 cases {2}PASS .*largest error .*; left for --slow: 4 \(E\.unfrozen\.ep10, E\.frozen\.ep9, /,
    )
    expect(line('F')).toMatch(/128 cases {2}PASS .*largest error/)
    expect(line('G')).toMatch(/28 cases {2}PASS .*; left for --slow: 20/)
    expect(line('H')).toMatch(/41 cases {2}PASS .*largest error \d\S* of \d\S* in [^;]+$/)
    expect(line('I')).toMatch(/99 cases {2}PASS .*largest error \d\S* of \d\S* in [^;]+$/)
    expect(line('J')).toMatch(/13 cases {2}PASS .* of 1e-4 in pysot/)
  })

  test('is written as JSON and printed value by value on demand', async () => {
    const json = join(await emptySet(), 'result.json')
    const { code, out } = await golden('--sections', 'F', '--verbose', '--json', json)
    expect(code).toBe(0)
    expect(out).toMatch(/^ {3}get_bbox 3 {2}argmax {2}equal$/m)
    expect(out).toMatch(/^ {3}get_bbox 3 {2}box {2}\S+ of 0\.001$/m)
    const written = JSON.parse(await readFile(json, 'utf8'))
    expect(written).toMatchObject({ directory: goldenDirectory, set: 'open', slow: false, passed: true })
    expect(written.adapter).toMatch(/\S/)
    expect(written.sections).toMatchObject([{ name: 'F', status: 'PASS', cases: 128, failures: [] }])
    expect(written.sections[0].measurements.length).toBeGreaterThan(100)
  })
})

describe('a changed value', () => {
  const off = (value: number) => value + 0.01 * Math.max(1, Math.abs(value))

  test.each([
    [
      'hash',
      (json: { hash_examples: { u: number[] }[] }) => (json.hash_examples[1]!.u[2]! += 2 ** -32),
      /hash of '.*stream/,
    ],
    [
      'shape',
      (json: { models: { small: { entries: { shape: number[] }[] } } }) => json.models.small.entries[40]!.shape.push(1),
      /state dict of small {2}shape of/,
    ],
    [
      'count',
      (json: { models: { tiny: { num_parameters: number } } }) => json.models.tiny.num_parameters++,
      /parameters of tiny {2}numbers {2}/,
    ],
    [
      'padding',
      (json: { convs_r50: { rows: unknown[][] } }) => (json.convs_r50.rows[30]![5] = 7),
      /convs_r50 {2}backbone\.layer3/,
    ],
    [
      'order',
      (json: { models: { small: { entries: unknown[] } } }) => json.models.small.entries.reverse(),
      /names and order/,
    ],
  ])('fails section A: %s', async (_, edit, message) => {
    const directory = await copyOf('A.json')
    await editJson(directory, 'A.json', edit)
    const { code, out } = await golden('--dir', directory, '--sections', 'A')
    expect(out).toMatch(/^A .* FAIL /)
    expect(out).toMatch(message)
    expect(code).toBe(1)
  })

  test('fails section B', async () => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editTensor(directory, 'B.safetensors', 'conv2d.c11.out.y', off)
    const { code, lines } = await golden('--dir', directory, '--sections', 'B')
    expect(lines[0]).toMatch(/FAIL .* in conv2d\.c11 \(y\), 1 of \d+ comparisons over/)
    expect(lines[1]).toMatch(/^ {3}conv2d\.c11 {2}y {2}\S+ of 1e-5$/)
    expect(code).toBe(1)
  })

  test('fails section C', async () => {
    const directory = await copyOf('A.json', 'C.json', 'C.safetensors')
    await editJson(directory, 'C.json', (json) => {
      json.cases = json.cases.filter(({ id }: { id: string }) => id === 'small.b1')
      json.cases[0].stages[4].mean += 0.1
    })
    await editTensor(directory, 'C.safetensors', 'small.b1.cls_score', off)
    await editTensor(directory, 'C.safetensors', 'small.b1.stage.x.backbone.layer3.val', off)
    const { code, lines } = await golden('--dir', directory, '--sections', 'C')
    expect(lines[0]).toMatch(/^C .* 1 case {2}FAIL .*, 3 of \d+ comparisons over$/)
    expect(lines.slice(1).map((line) => line.split('  ')[2])).toEqual([
      'z backbone.layer3, mean',
      'x backbone.layer3',
      'cls_score',
    ])
    expect(code).toBe(1)
  })

  test.each([
    ['cross_entropy.c00.out.y', /cross_entropy\.c00 {2}y {2}/],
    ['siamrpn_head_loss.c01.grad.bbox_pred', /siamrpn_head_loss\.c01 {2}gradient of bbox_pred {2}/],
    ['sigmoid_focal_loss.c01.grad.pred', /sigmoid_focal_loss\.c01 {2}gradient of pred, row by row {2}/],
    ['giou_loss.c00.out.y', /giou_loss\.c00 {2}y {2}/],
  ])('fails section B: %s', async (key, message) => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editJson(directory, 'B.json', (json) => {
      json.cases = json.cases.filter(({ op }: { op: string }) => key.startsWith(`${op}.`))
    })
    await editTensor(directory, 'B.safetensors', key, off)
    const { code, out } = await golden('--dir', directory, '--sections', 'B')
    expect(out).toMatch(/^B .* 2 cases {2}FAIL /)
    expect(out).toMatch(message)
    expect(code).toBe(1)
  })

  test('fails section D: a loss, a gradient, a parameter, a running mean', async () => {
    const directory = await copyOf('A.json', 'D.json', 'D.safetensors')
    await editJson(directory, 'D.json', (json) => {
      json.cases = json.cases.filter(({ id }: { id: string }) => id === 'D.small.frozen')
      json.cases[0].loss.loss_rpn_cls *= 1.0001
      json.cases[0].bn_num_batches_tracked[3]++
    })
    const { param_names: names, has_grad: trained } = await caseOf(directory, 'D.json')
    const row = trained.indexOf(true)
    await editTensor(directory, 'D.safetensors', 'D.small.frozen.grad_samples', off, 16 * row)
    await editTensor(directory, 'D.safetensors', 'D.small.frozen.param_after', off, 16 * row)
    await editTensor(directory, 'D.safetensors', 'D.small.frozen.bn_rm', off)
    const { code, lines } = await golden('--dir', directory, '--sections', 'D')
    expect(lines[0]).toMatch(/^D .* 1 case {2}FAIL /)
    expect(lines.slice(1).map((line) => line.split('  ')[2])).toEqual([
      'loss_rpn_cls',
      `gradient of ${names[row]}`,
      `${names[row]} after`,
      'num_batches_tracked',
      'neck.convs.0.bn.running_mean',
    ])
    expect(code).toBe(1)
  })

  test('fails section E: a loss, a count', async () => {
    const directory = await copyOf('A.json', 'E.json', 'E.safetensors')
    await editJson(directory, 'E.json', (json) => {
      json.runs = json.runs.filter(({ id }: { id: string }) => id === 'E.frozen.ep0')
      const [run] = json.runs
      run.loss_f64.splice(3)
      run.grad_norm_f64.splice(3)
      run.loss_f64[1] *= 1.0001
      run.f32_param_maxabs = 1 // The parameters are those of thirty steps.
      json.runner_switch.rows_f64.splice(1)
      json.runner_switch.rows_f64[0][7]++
    })
    const { code, lines } = await golden('--dir', directory, '--sections', 'E')
    expect(lines[0]).toMatch(/^E .* 2 cases {2}FAIL .*, 2 of \d+ comparisons over$/)
    expect(lines[1]).toMatch(/^ {3}E\.frozen\.ep0 {2}loss of step 1 {2}\S+ of 1\.1e-6$/) // three times PyTorch's own drift
    expect(lines[2]).toMatch(/^ {3}E\.runner_switch {2}epoch 8, iteration 0, parameters with momentum {2}differs/)
    expect(code).toBe(1)
  })

  test.each([
    ['F.safetensors', 'decode.boxes', /decode {2}boxes/],
    ['F.safetensors', 'window_5x7', /window_5x7 {2}5x7/],
    ['F.safetensors', 'head_anchors', /anchors of the head/],
    ['F.safetensors', 'getbbox7.ps', /get_bbox 7 {2}penalised scores/],
  ])('fails section F: %s %s', async (file, key, message) => {
    const directory = await copyOf('F.json', 'F.safetensors')
    await editJson(directory, 'F.json', (json) => json.get_bbox.cases.splice(8))
    await editTensor(directory, file, key, off)
    const { code, out } = await golden('--dir', directory, '--sections', 'F')
    expect(out).toMatch(/^F .* FAIL /)
    expect(out).toMatch(message)
    expect(code).toBe(1)
  })

  test('fails section F: another argmax, a box 2 hundredths of a pixel off', async () => {
    const directory = await copyOf('F.json', 'F.safetensors')
    await editJson(directory, 'F.json', (json) => {
      json.get_bbox.cases.splice(2)
      json.get_bbox.cases[0].best_idx++
      json.get_bbox.cases[1].best_bbox[2] += 0.02
    })
    const { code, out } = await golden('--dir', directory, '--sections', 'F')
    expect(out).toMatch(/get_bbox 0 {2}argmax {2}differs: found \d+, expected \d+/)
    expect(out).toMatch(/get_bbox 1 {2}box {2}0\.02 of 0\.001/)
    expect(code).toBe(1)
  })

  test('fails section G: frames, crops, decoded maps, sequences', async () => {
    const directory = await copyOf('A.json', 'G.json', 'G.safetensors')
    await editJson(directory, 'G.json', (json) => {
      json.cases.splice(3)
      json.sequences.splice(1)
      json.sequences[0].gt.splice(3)
      json.sequences[0].track_bboxes_f64.splice(3)
      json.sequences[0].track_bboxes_f64[2][1] += 0.03
      json.frames[3].sha256_of_hwc_u8 = json.frames[2].sha256_of_hwc_u8
      json.cases[0].x_size++
      json.cases[1].best_idx--
    })
    await editTensor(directory, 'G.safetensors', 'G02.x_cols', off)
    const { code, lines, out } = await golden('--dir', directory, '--sections', 'G')
    expect(lines[0]).toMatch(/^G .* 8 cases {2}FAIL /)
    expect(out).toMatch(/frame 3 {2}sha256 {2}differs/)
    expect(out).toMatch(/G00 {2}side of the search image {2}differs: found 144, expected 145/)
    expect(out).toMatch(/G01 {2}dumped maps: argmax {2}differs/)
    expect(out).toMatch(/G02 {2}x_cols {2}\S+ of 5e-7/)
    expect(out).toMatch(/sequence 0 \(OPE, small\) {2}box of frame 2 {2}0\.03 of 0\.01/)
    expect(code).toBe(1)
  })

  test('fails section H: pixels, boxes, draws', async () => {
    const directory = await copyOf('H.json', 'H.safetensors')
    await editJson(directory, 'H.json', (json) => {
      for (const step of [
        'SeqCropLikeSiamFC',
        'SeqShiftScaleAug',
        'SeqColorAug',
        'SeqGrayAug',
        'SeqBlurAug',
        'chain',
      ]) {
        json[step].cases.splice(1)
      }
      json.SeqShiftScaleAug.cases[0].out_bbox[1][2] += 0.001
      json.SeqGrayAug.cases[0].draws.push(['random', 0.5])
      json.chain.cases[0].out[0].channel_means[1] += 0.1
    })
    await editTensor(directory, 'H.safetensors', 'crop0.out', (value) => value + 0.1)
    await editTensor(directory, 'H.safetensors', 'color0.out1', (value) => value + 0.1)
    const { code, lines } = await golden('--dir', directory, '--sections', 'H')
    expect(lines[0]).toMatch(/^H .* 6 cases {2}FAIL .*, 5 of \d+ comparisons over$/)
    expect(lines.slice(1).map((line) => line.split('  ').slice(0, 3).join(' ').trim())).toEqual([
      'SeqCropLikeSiamFC 0 image',
      'SeqShiftScaleAug 0 box 1',
      'SeqColorAug 0 image',
      'SeqGrayAug 0 draws left',
      'chain 0 channel means',
    ])
    expect(code).toBe(1)
  })

  test('fails section I: rates, factors', async () => {
    const directory = await copyOf('I.json')
    await editJson(directory, 'I.json', (json) => {
      json.lr_schedule.rows[3].lr_backbone *= 1 + 2 ** -45
      json.lr_schedule.rows[4].lr_rest *= 1.000001
      json.lr_schedule_other[1].factors[7] *= 1.000001
    })
    const { code, out } = await golden('--dir', directory, '--sections', 'I')
    expect(out).toMatch(/^I .* 99 cases {2}FAIL /)
    expect(out).toMatch(/lr_schedule {2}rates of the backbone in float64 {2}2\.\de-14 of 4\.4e-16/)
    expect(out).toMatch(/lr_schedule {2}rates of the rest in float32 {2}differs: 4: /)
    expect(out).toMatch(/lr_schedule_other 1 {2}factors in float32 {2}differs: 7: /)
    expect(code).toBe(1)
  })

  test('fails section I: success, a curve, an overlap, EAO, a failure', async () => {
    const directory = await copyOf('I.json')
    await editJson(directory, 'I.json', (json) => {
      json.ope.cases[0].success += 1e-5
      json.ope.cases[1].per_video[1].norm_precision[7] += 1e-5
      json.vot_overlap.cases[9].overlap_unbounded += 1e-5
      json.vot.cases[2].eao -= 1e-5
      json.vot.cases[3].num_fails++
      json.mmtracking_own_tests.vot.accuracy += 1e-4
    })
    const { code, lines } = await golden('--dir', directory, '--sections', 'I')
    expect(lines[0]).toMatch(/^I .* 99 cases {2}FAIL .*, 6 of \d+ comparisons over$/)
    expect(lines.slice(1).map((line) => line.trim().split('  ').slice(0, 2).join(': '))).toEqual([
      'ope 0: success',
      'ope 1: curves',
      'vot_overlap 9: without borders',
      'vot 2: eao',
      'vot 3: num_fails',
      "MMTracking's own test of VOT: accuracy",
    ])
    expect(code).toBe(1)
  })

  test("leaves out MMTracking's own tests if a set names other files", async () => {
    const directory = await copyOf('I.json')
    await editJson(directory, 'I.json', (json) => {
      for (const path in json.mmtracking_own_tests.files) json.mmtracking_own_tests.files[path] = '0'.repeat(64)
    })
    const { code, lines } = await golden('--dir', directory, '--sections', 'I')
    expect(lines[0]).toMatch(/^I .* 97 cases {2}PASS .*; not covered yet: 1 MMTracking's own tests$/)
    expect(code).toBe(0)
  })

  const checkpoints = [
    ...['mmtrack_frozen.zip.pth', 'mmtrack_frozen.legacy.pth', 'tricky.zip.pth', 'tricky.legacy.pth'],
    ...['pysot_training.zip.pth', 'pysot_bare_module_prefix.legacy.pth'],
  ]

  test('fails section J: tensors, lists, files, maps', async () => {
    const directory = await copyOf('A.json', 'J.json', 'J.safetensors', ...checkpoints)
    await editTensor(directory, 'J.safetensors', 'mmtrack_frozen.state.neck.convs.1.bn.running_var', off)
    await editTensor(directory, 'J.safetensors', 'pysot.bbox_pred', off)
    await editJson(directory, 'J.json', (json) => {
      json.mmtrack_checkpoint.meta.epoch = 2
      json.tricky.tensors.int64.values[2] = '7'
    })
    const broken = join(directory, 'pysot_bare_module_prefix.legacy.pth')
    await writeFile(broken, (await readFile(broken)).subarray(0, 1000))
    const { code, out, lines } = await golden('--dir', directory, '--sections', 'J')
    expect(lines[0]).toMatch(/^J .* FAIL /)
    expect(out).toMatch(/file pysot_bare_module_prefix\.legacy\.pth {2}bytes {2}differs: found 1000/)
    const { measurements } = await failuresAsJson(directory, 'J')
    const failed = measurements.map(({ caseId, quantity }) => `${caseId}: ${quantity}`)
    expect(failed).toEqual(
      expect.arrayContaining([
        'mmtrack_frozen.zip.pth: meta',
        'mmtrack_frozen.legacy.pth: neck.convs.1.bn.running_var',
        'tricky.zip.pth: int64',
        'pysot_training.zip.pth: bbox_pred',
        'pysot_bare_module_prefix.legacy.pth: TruncatedCheckpointError',
      ]),
    )
    expect(code).toBe(1)
  })
})

/** The first case of a section's file. */
async function caseOf(directory: string, file: string) {
  const { cases } = JSON.parse(await readFile(join(directory, file), 'utf8'))
  return cases[0] as { param_names: string[]; has_grad: boolean[] }
}

async function failuresAsJson(directory: string, section: string) {
  const file = join(directory, 'result.json')
  await golden('--dir', directory, '--sections', section, '--json', file)
  const { sections } = JSON.parse(await readFile(file, 'utf8'))
  return { measurements: sections[0].failures as { caseId: string; quantity: string }[] }
}

describe('nothing passes unseen', () => {
  test('fails a section without cases', async () => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editJson(directory, 'B.json', (json) => json.cases.splice(0))
    const { code, out } = await golden('--dir', directory)
    expect(out).toMatch(/^B .* 0 cases {2}FAIL .*the section has no cases that are covered; empty in this set: cases$/m)
    expect(code).toBe(1)
  })

  test('fails an op that nobody knows, and names it', async () => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editJson(directory, 'B.json', (json) => {
      json.cases = json.cases.filter(({ op }: { op: string }) => op === 'relu')
      json.cases[0].op = 'swish'
    })
    const { code, out } = await golden('--dir', directory)
    expect(out).toMatch(/relu\.c00 {2}op {2}differs: 'swish' is unknown/)
    expect(code).toBe(1)
  })

  test('shows that cases were left for --slow when there are no others', async () => {
    const directory = await copyOf('A.json', 'C.json', 'C.safetensors')
    await editJson(directory, 'C.json', (json) => json.cases.splice(1))
    const { code, out } = await golden('--dir', directory, '--sections', 'C')
    expect(out).toMatch(/0 cases {2}LEFT FOR --slow .*nothing was compared; left for --slow: 1 \(r50\.b1\)/)
    expect(code).toBe(0)
  })

  test('notes files that the manifest does not list like that', async () => {
    const directory = await copyOf('B.json', 'B.safetensors', 'manifest.json')
    await editJson(directory, 'B.json', (json) => json.cases.splice(5))
    await editJson(directory, 'manifest.json', (json) => {
      json.files = { 'B.json': json.files['B.json'], 'B.safetensors': json.files['B.safetensors'] }
    })
    const { code, out, err } = await golden('--dir', directory)
    expect(err).toContain("note: B.json is not the file that the set's manifest lists")
    expect(err).not.toContain('note: B.safetensors')
    expect(out).toMatch(/^C .*not in this set$/m)
    expect(code).toBe(0)
  })
})

describe('what cannot be checked', () => {
  test('refuses a directory that is not there', async () => {
    const directory = join(await emptySet(), 'nowhere')
    expect(await golden('--dir', directory)).toMatchObject({
      code: 2,
      err: expect.stringContaining('nowhere is no directory'),
    })
  })

  test('refuses a directory without goldens', async () => {
    const { code, err } = await golden('--dir', await emptySet())
    expect(err).toMatch(/error: .* has none of the files A\.json, B\.json/)
    expect(code).toBe(2)
  })

  test('refuses a set that lacks a section of its manifest, or one that was asked for', async () => {
    const directory = await copyOf('A.json', 'manifest.json')
    expect(await golden('--dir', directory)).toMatchObject({ code: 2, err: expect.stringContaining('has no B.json') })
    expect(await golden('--dir', directory, '--sections', 'J')).toMatchObject({
      code: 2,
      err: expect.stringContaining('has no J.json'),
    })
  })

  test('refuses JSON that is none, and JSON of another form', async () => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editJson(directory, 'B.json', (json) => delete json.cases[3].outputs)
    const { code, err } = await golden('--dir', directory)
    expect(err).toMatch(/B\.json is not of the golden format: cases\.3\.outputs: /)
    expect(code).toBe(2)
    await writeFile(join(directory, 'B.json'), '{"cases": [')
    expect(await golden('--dir', directory)).toMatchObject({ code: 2, err: expect.stringContaining('B.json') })
  })

  test('refuses tensors that are missing or cut off', async () => {
    const directory = await copyOf('B.json', 'B.safetensors')
    await editJson(directory, 'B.json', (json) => {
      json.cases[0].outputs.y = 'nobody'
    })
    expect(await golden('--dir', directory)).toMatchObject({
      code: 2,
      err: expect.stringContaining("no tensor 'nobody'"),
    })
    const path = join(directory, 'B.safetensors')
    await writeFile(path, (await readFile(path)).subarray(0, 5000))
    expect(await golden('--dir', directory)).toMatchObject({ code: 2, err: expect.stringContaining('B.safetensors') })
  })

  test('refuses a section that does not exist and an option that does not', async () => {
    expect(await golden('--sections', 'A,Z')).toMatchObject({ code: 2, err: expect.stringContaining("no section 'Z'") })
    expect((await golden('--fast')).code).toBe(2)
  })

  test('shows its options', async () => {
    const { code, out } = await golden('--help')
    expect(out).toMatch(/--dir <directory>[\s\S]*--sections <names>[\s\S]*--slow[\s\S]*--verbose[\s\S]*--json <file>/)
    expect(code).toBe(0)
  })

  test('stops at Ctrl-C, and leaves no handler behind', async () => {
    const before = process.listeners('SIGINT').length
    const running = golden('--sections', 'B')
    while (process.listeners('SIGINT').length === before) await new Promise((resolve) => setTimeout(resolve, 5))
    process.listeners('SIGINT').at(-1)?.('SIGINT')
    const { code, out, err } = await running
    expect({ code, out }).toEqual({ code: 130, out: '' })
    expect(err).toContain('interrupted')
    expect(process.listeners('SIGINT').length).toBe(before)
  })
})
