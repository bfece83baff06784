// The picture of docs/teaching.md and README: a generated clip that the model as it ships loses, followed from the first box
// before and after four of its frames were taught. `npx tsx tools/scripts/teaching-picture.ts [FILE] [CLIP]` draws it anew;
// without a clip it takes the one of eight that gains most.

import sharp from 'sharp'
import { type RgbFrame, SiamRPN } from 'siamrpn'
import { SyntheticClips } from '../clips/clips.ts'
import { type Color, drawBox, drawLabel, groundTruthColor } from '../frames/draw.ts'
import type { Box } from '../frames/types.ts'
import { meanOverlap } from '../metrics/ope.ts'

const [out = 'docs/images/teaching.webp', only] = process.argv.slice(2)
const given = [0, 25, 50, 75]
const shown = [12, 37, 62, 87, 99]
const gap = 6
const before: Color = [255, 145, 40]
const after: Color = [60, 170, 255]
const ground: Color = [22, 24, 29]

const clips = new SyntheticClips({ seed: 4_000_000, clips: 8, framesPerClip: 100 })
type Clip = ReturnType<typeof clips.clip>

async function follow(tracker: SiamRPN, clip: Clip): Promise<Box[]> {
  const target = await tracker.init(clip.picture(0), clip.box(0))
  const boxes: Box[] = [clip.box(0)]
  for (let frame = 1; frame < clip.count; frame++) boxes.push((await target.update(clip.picture(frame))).box)
  await target.release()
  return boxes
}

await using tracker = await SiamRPN.load()
let best: { clip: Clip; plain: Box[]; taught: Box[]; gain: number } | undefined
for (let index = 0; index < clips.count; index++) {
  if (only !== undefined && index !== Number(only)) continue
  const clip = clips.clip(index)
  const truth = Array.from({ length: clip.count }, (_, frame) => clip.box(frame))
  const plain = await follow(tracker, clip)
  await using mine = await tracker.teach(given.map((frame) => ({ frame: clip.picture(frame), box: clip.box(frame) })))
  const taught = await follow(mine, clip)
  const [low, high] = [meanOverlap(plain, truth), meanOverlap(taught, truth)]
  process.stdout.write(`clip ${index}: mean overlap ${low.toFixed(2)}, taught ${high.toFixed(2)}\n`)
  if (best === undefined || high - low > best.gain) best = { clip, plain, taught, gain: high - low }
}
if (best === undefined) throw new RangeError(`no clip ${only}, expected 0 to ${clips.count - 1}`)

const { clip, plain, taught } = best
const rows = [
  { title: 'as it ships', boxes: plain, color: before },
  { title: 'taught 4 frames', boxes: taught, color: after },
]
const { width, height } = clip.picture(0)
const sheet: RgbFrame = blank(shown.length * (width + gap) + gap, rows.length * (height + gap) + gap)
for (const [row, { title, boxes, color }] of rows.entries()) {
  for (const [column, frame] of shown.entries()) {
    const picture = { ...clip.picture(frame), data: new Uint8Array(clip.picture(frame).data) } as RgbFrame
    drawBox(picture, clip.box(frame), groundTruthColor)
    const found = boxes[frame]
    if (found) drawBox(picture, found, color)
    drawLabel(picture, { x: 0, y: 0 }, column === 0 ? `${title}, frame ${frame}` : `frame ${frame}`, color)
    paste(sheet, picture, gap + column * (width + gap), gap + row * (height + gap))
  }
}
await sharp(sheet.data, { raw: { width: sheet.width, height: sheet.height, channels: 3 } })
  .resize({ width: 1280 })
  .webp({ quality: 82 })
  .toFile(out)
process.stdout.write(`wrote ${out}\n`)

function blank(wide: number, high: number): RgbFrame {
  const data = new Uint8Array(3 * wide * high)
  for (let i = 0; i < data.length; i++) data[i] = ground[i % 3] ?? 0
  return { data, width: wide, height: high, channels: 3 }
}

function paste(onto: RgbFrame, picture: RgbFrame, x: number, y: number): void {
  const bytes = 3 * picture.width
  for (let row = 0; row < picture.height; row++) {
    onto.data.set(picture.data.subarray(row * bytes, (row + 1) * bytes), 3 * ((y + row) * onto.width + x))
  }
}
