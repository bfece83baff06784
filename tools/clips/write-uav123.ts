// UAV123's layout: annotations apart from the images, sequences that are segments of a longer video and share its
// folder, NaN where the object is not to be seen, twelve attribute flags, and configSeqs.m, which names the first and
// last frames.

import { join } from 'node:path'
import { uavAttributes } from '../benchmarks/uav123.ts'
import type { Box } from '../frames/types.ts'
import type { SyntheticClips } from './clips.ts'
import {
  decimals,
  hiddenBelow,
  lines,
  namesFor,
  numbered,
  type Truth,
  type WriteClipsOptions,
  writeShots,
  writeText,
  writing,
} from './write-frames.ts'

/** Names of the videos of which sequences are cut, with the number of pieces and the frames between them. */
const segmented: Readonly<Record<string, { readonly pieces: number; readonly step: number }>> = {
  bird1: { pieces: 2, step: 2 },
  car1: { pieces: 2, step: 0 },
}

const series = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index + 1}`)

const videos = [
  'bike1',
  'bird1',
  'car1',
  'car1_s',
  ...series('boat', 9),
  ...series('building', 5),
  ...series('person', 23),
  ...series('wakeboard', 10),
]

interface Segment {
  readonly name: string
  readonly video: string
  /** Frames from 1, both inclusive. */
  readonly start: number
  readonly end: number
}

/**
 * UAV123: `data_seq/UAV123/bike1/000001.jpg`, `anno/UAV123/bike1.txt`, `anno/UAV123/att/bike1.txt`, `configSeqs.m`. In
 * every second video the middle frame shows nothing.
 *
 * @throws OutputError, also for more clips than there are names; the signal's reason
 */
export async function writeUAV123(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const names = namesFor(videos, clips.count, 'uav123')
  const isOurs = (name: string) => ['data_seq', 'anno', 'configSeqs.m'].includes(name)
  await writing(folder, isOurs, async (root) => {
    const middle = clips.framesPerClip > 2 ? Math.floor(clips.framesPerClip / 2) : -1
    const shots = names.map((name, index) => ({
      clips: [index],
      file: (frame: number) => join(root, 'data_seq', 'UAV123', name, numbered(frame + 1, 6)),
      covered: (frame: number) => index % 2 === 0 && frame === middle,
    }))
    const truths = await writeShots(clips, shots, options)
    const segments = names.flatMap((name) => segmentsOf(name, clips.framesPerClip))
    for (const { name, video, start, end } of segments) {
      const truth = (truths[names.indexOf(video)]?.[0] ?? []).slice(start - 1, end)
      const boxes = truth.map(({ box, visibility }) =>
        visibility < hiddenBelow ? 'NaN,NaN,NaN,NaN' : decimals(box, 2),
      )
      await writeText(join(root, 'anno', 'UAV123', `${name}.txt`), lines(boxes))
      await writeText(join(root, 'anno', 'UAV123', 'att', `${name}.txt`), lines([flagsOf(truth).join(',')]))
    }
    await writeText(join(root, 'configSeqs.m'), configSeqs(segments))
  })
}

function segmentsOf(video: string, frames: number): Segment[] {
  const { pieces, step } = segmented[video] ?? { pieces: 1, step: 0 }
  if (pieces === 1 || frames < 4) return [{ name: pieces === 1 ? video : `${video}_1`, video, start: 1, end: frames }]
  const middle = Math.floor(frames / 2)
  return [
    { name: `${video}_1`, video, start: 1, end: middle },
    { name: `${video}_2`, video, start: middle + step, end: frames },
  ]
}

function configSeqs(segments: readonly Segment[]): string {
  const structs = segments.map(
    ({ name, video, start, end }) =>
      `struct('name','${name}','path',fullfile(dataset_path, '${video}\\'),` +
      `'startFrame',${start},'endFrame',${end},'nz',6,'ext','jpg','init_rect', [0,0,0,0])`,
  )
  return lines([
    'function seqs = configSeqs(dataset_type, dataset_path)',
    '',
    `seqUAV123={${structs.join(',...\n    ')}};`,
    '',
    'seqs=seqUAV123;',
  ])
}

/** The paper's definitions, as far as they speak of boxes and visibility. */
function flagsOf(truth: readonly Truth[]): number[] {
  const boxes = truth.map(({ box }) => box)
  const [start] = boxes
  const beyondTwo = (of: (box: Box) => number) =>
    boxes.some((box) => Math.abs(Math.log2(of(box) / of(start ?? box))) > 1)
  const area = ({ width, height }: Box) => width * height
  const holds: Partial<Record<(typeof uavAttributes)[number], boolean>> = {
    SV: beyondTwo(area),
    ARC: beyondTwo(({ width, height }) => width / height),
    LR: boxes.some((box) => area(box) < 400),
    FM: boxes.some((box, frame) => frame > 0 && distance(box, boxes[frame - 1] ?? box) > 20),
    FOC: truth.some(({ visibility }) => visibility < hiddenBelow),
    POC: truth.some(({ visibility }) => visibility >= hiddenBelow && visibility < 0.95),
  }
  return uavAttributes.map((name) => Number(holds[name] ?? false))
}

function distance(a: Box, b: Box): number {
  return Math.hypot(a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2)
}
