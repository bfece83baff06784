// Section G: tracking. Frames, crops and the head's decoding of dumped maps; with --slow the whole step of each case through
// the network; and whole sequences through the public API, frame after frame on the tracker's own state.

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { goldenFrame, type HostFrame, pixelOf } from './frames.ts'
import type { GoldenSet, NamedModel } from './golden-set.ts'
import { hashWeights } from './models.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { checkSequence, sequenceSchema } from './tracking-sequences.ts'
import { StepChecker, stepSchema } from './tracking-steps.ts'

/** `px_y<y>_x<x>` fields hold single pixels. */
const frameSchema = z.looseObject({
  key: z.string(),
  H: z.int().positive(),
  W: z.int().positive(),
  sha256_of_hwc_u8: z.string(),
  first_row_first_8_px: z.array(z.array(z.int())),
  dump: z.string().optional(),
})

export const trackingSchema = z.object({
  hash_salt: z.string(),
  frames: z.array(frameSchema),
  cases: z.array(stepSchema),
  sequences: z.array(sequenceSchema),
})

type SectionG = z.infer<typeof trackingSchema>

export async function checkG(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('G', trackingSchema)
  const frames = section.json.frames.map(({ key, H, W }) => goldenFrame(key, H, W))
  for (const [index, golden] of report.list('frames', section.json.frames).entries()) {
    const frame = frames[index]
    if (frame) await report.check(`frame ${index}`, (one) => checkFrame(section, golden, frame, one))
  }
  await checkSteps(set, section, frames, report)
  await checkSequences(set, section.json, frames, report)
}

function checkFrame(
  section: GoldenSection<unknown>,
  golden: SectionG['frames'][number],
  frame: HostFrame,
  one: CaseReport,
): void {
  one.exact('sha256', createHash('sha256').update(frame.bytes).digest('hex'), golden.sha256_of_hwc_u8)
  const first = golden.first_row_first_8_px
  one.exact(
    'first pixels',
    first.map((_, x) => pixelOf(frame, 0, x)),
    first,
  )
  for (const [field, value] of Object.entries(golden)) {
    const [, y, x] = /^px_y(\d+)_x(\d+)$/.exec(field) ?? []
    if (y !== undefined && x !== undefined) one.exact(field, pixelOf(frame, Number(y), Number(x)), value)
  }
  if (golden.dump !== undefined) one.exact('dump', frame.bytes, section.tensor(golden.dump).data)
}

async function checkSteps(
  set: GoldenSet,
  section: GoldenSection<SectionG>,
  frames: readonly HostFrame[],
  report: SectionReport,
): Promise<void> {
  const cases = report.list('cases', section.json.cases)
  if (cases.length === 0) return
  const model = await largestModel(set)
  const whole = set.slow || !(await set.isSlow(model.name))
  const checker = await StepChecker.create({ set, section, model, frames })
  try {
    for (const golden of cases) {
      await report.check(golden.id, async (one) => {
        await checker.check(golden, one)
        if (whole) await checker.checkWhole(golden, section.json.hash_salt, one)
      })
      if (!whole) report.leaveForSlow(`${golden.id} through the network`)
    }
  } finally {
    checker.destroy()
  }
}

/** The model that the single steps were made with: the full one. */
async function largestModel(set: GoldenSet): Promise<NamedModel> {
  const models = [...(await set.models()).values()]
  const [largest] = models.sort((a, b) => b.golden.num_parameters - a.golden.num_parameters)
  if (largest) return largest
  throw new GoldenDataError('A.json lists no models')
}

async function checkSequences(
  set: GoldenSet,
  { sequences, hash_salt }: SectionG,
  frames: readonly HostFrame[],
  report: SectionReport,
): Promise<void> {
  const trackers = new Map<string, SiamRPN>()
  try {
    for (const [index, sequence] of report.list('sequences', sequences).entries()) {
      const id = `sequence ${index} (${sequence.mode}, ${sequence.model})`
      if (!set.slow && (await set.isSlow(sequence.model))) {
        report.leaveForSlow(id)
        continue
      }
      const source = frames[sequence.source_frame]
      if (!source) throw new GoldenDataError(`section G has no frame ${sequence.source_frame}, which ${id} needs`)
      await report.check(id, async (one) => {
        const tracker = trackers.get(sequence.model) ?? (await makeTracker(set, sequence.model, hash_salt))
        trackers.set(sequence.model, tracker)
        await checkSequence(sequence, tracker, source, one)
      })
    }
  } finally {
    for (const tracker of trackers.values()) await tracker.close()
  }
}

async function makeTracker(set: GoldenSet, name: string, salt: string): Promise<SiamRPN> {
  const { golden, config } = await set.model(name)
  return await SiamRPN.create(hashWeights(golden.entries, salt), { device: await set.device(), config })
}
