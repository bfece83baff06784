// Windows of pairs: the object is where the box says, whatever was drawn; sub-boxes, occlusions and collages; steps that do not fit.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { trainPipelineSchema } from '../../../src/siamrpn/config/data.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { Random } from '../../../src/siamrpn/random.ts'
import type { Xyxy } from '../../../src/train/augmentation/pair.ts'
import { PairCropper } from '../../../tools/augment/pair-cropper.ts'
import { ByteCache, Pictures } from '../../../tools/augment/pictures.ts'
import { CutoutDataset, type CutoutOptions } from '../../../tools/datasets/cutout-dataset.ts'
import type { PairRequest } from '../../../tools/datasets/pair.ts'
import { encode, patternFrame, plainFrame, temporaryFolder } from '../frames/helpers.ts'

const sizes = { exemplar_size: 65, target_size: [65, 129] }

/** The windows of a request by these steps. */
async function windows(request: PairRequest, steps: readonly object[], key: string | number = 1) {
  const parsed = trainPipelineSchema.parse(steps)
  return new PairCropper(parsed, new Pictures(1e7)).crop(request, new Random(key))
}

/** A grey frame with a red object, in a file. */
async function framed(box: Xyxy, size: readonly [number, number] = [160, 120]): Promise<PairRequest> {
  const file = join(await temporaryFolder(), 'frame.png')
  const frame = plainFrame(...size, [90, 90, 90])
  for (let y = box[1]; y < box[3]; y++) {
    for (let x = box[0]; x < box[2]; x++) frame.data.set([250, 0, 0], 3 * (y * size[0] + x))
  }
  await writeFile(file, await encode(frame).png().toBuffer())
  const half = { source: { kind: 'file', path: file } as const, box }
  return { id: 'framed', template: half, search: half, positive: true }
}

/** Bounds of what is red, edges of pixels. */
function redBounds({ data, width, height }: RgbFrame): Xyxy | undefined {
  let bounds: [number, number, number, number] | undefined
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r = 0, g = 0, b = 0] = data.subarray(3 * (y * width + x))
      if (r < 165 || g > 60 || b > 60) continue
      bounds ??= [x, y, x + 1, y + 1]
      bounds = [Math.min(bounds[0], x), bounds[1], Math.max(bounds[2], x + 1), y + 1]
    }
  }
  return bounds
}

const still = { type: 'SeqAffineCrop', ...sizes, rotate: [0, 0], stretch: [0, 0.15] }

describe('SeqAffineCrop', () => {
  test('shows the object where the box says, moved, scaled and mirrored', async () => {
    const request = await framed([60, 40, 100, 70])
    const places = new Set<string>()
    for (let key = 0; key < 40; key++) {
      const { images, boxes, positive } = await windows(
        request,
        [{ ...still, far_shift: 0.35, antialias_prob: 0 }],
        key,
      )
      expect(positive).toBe(true)
      for (const [k, image] of images.entries()) {
        expect(image.width).toBe(sizes.target_size[k])
        const found = redBounds(image)
        // Positions of boxes are those of pixel centres, hence the half.
        for (let i = 0; i < 4; i++) {
          const edge = Math.min(Math.max(boxes[k]![i]! + 0.5, 0), image.width)
          expect(Math.abs(found![i]! - edge), `${key} ${k} ${i}`).toBeLessThan(1.7)
        }
      }
      places.add(boxes[1].map(Math.round).join())
    }
    expect(places.size).toBeGreaterThan(30)
  })

  test('a turned object stays in its box, as an ellipse does', async () => {
    const request = await framed([60, 40, 100, 70])
    const { boxes } = await windows(request, [{ ...still, rotate: [90, 0], stretch: [0, 0] }], 5)
    const [left, top, right, bottom] = boxes[0]
    // Whatever the angle, the diagonal of the ellipse's box stays.
    expect(Math.hypot(right - left, bottom - top) / Math.hypot(40, 30)).toBeCloseTo(
      65 / Math.sqrt((40 + 35) * (30 + 35)),
      1,
    )
  })

  test('shares of draws: mirrored, far, filled', async () => {
    const request = await framed([4, 4, 36, 28], [40, 32])
    let far = 0
    for (let key = 0; key < 60; key++) {
      const { boxes } = await windows(request, [{ ...still, scale: [0, 0], stretch: [0, 0] }], key)
      const shift = Math.max(
        Math.abs((boxes[1][0] + boxes[1][2]) / 2 - 64),
        Math.abs((boxes[1][1] + boxes[1][3]) / 2 - 64),
      )
      expect(shift).toBeLessThanOrEqual(0.7 * 64.5)
      if (shift > 0.35 * 64.5) far++
    }
    expect(far).toBeGreaterThan(4)
    expect(far).toBeLessThan(25)
    const black = await windows(request, [{ ...still, fill: { mean: 0, replicate: 0, random: 0, zero: 1 } }], 2)
    expect([...black.images[1].data.subarray(0, 3)]).toEqual([0, 0, 0])
    const edge = await windows(request, [{ ...still, fill: { mean: 0, replicate: 1, random: 0, zero: 0 } }], 2)
    expect([...edge.images[1].data.subarray(0, 3)]).toEqual([90, 90, 90])
  })

  test('the same key gives the same bytes', async () => {
    const request = await framed([60, 40, 100, 70])
    const steps = [
      still,
      { type: 'SeqLightAug' },
      { type: 'SeqFocusAug', prob: [1, 1] },
      { type: 'SeqNoiseAug', prob: [1, 1] },
    ]
    expect(await windows(request, steps, 3)).toEqual(await windows(request, steps, 3))
    expect(await windows(request, steps, 3)).not.toEqual(await windows(request, steps, 4))
  })
})

describe('further steps', () => {
  test('SeqSubBox: another, smaller target in both windows, of textured still pairs alone', async () => {
    const file = join(await temporaryFolder(), 'textured.png')
    await writeFile(file, await encode(patternFrame(160, 120)).png().toBuffer())
    const box: Xyxy = [30, 20, 130, 100]
    const half = { source: { kind: 'file', path: file } as const, box }
    const request: PairRequest = { id: 'x', template: half, search: half, positive: true }
    const steps = [
      { type: 'SeqSubBox', prob: 1 },
      { ...still, scale: [0, 0], stretch: [0, 0], shift: [0, 0], far_prob: 0 },
    ]
    const aspects = new Set<string>()
    for (let key = 0; key < 20; key++) {
      const { boxes } = await windows(request, steps, key)
      const [width, height] = [boxes[0][2] - boxes[0][0], boxes[0][3] - boxes[0][1]]
      expect(boxes[1][2] - boxes[1][0]).toBeCloseTo(width, 3)
      aspects.add((width / height).toFixed(2))
    }
    expect(aspects.size).toBeGreaterThan(15)
    const whole = async (changed: PairRequest) => {
      const { boxes } = await windows(changed, steps, 1)
      return ((boxes[0][2] - boxes[0][0]) / (boxes[0][3] - boxes[0][1])).toFixed(2)
    }
    expect(await whole({ ...request, positive: false })).toBe('1.25')
    const plain = await framed([60, 40, 110, 80])
    expect(await whole(plain)).not.toBe('') // A plain object has no texture, unless the part reaches its edge.
    const other = join(await temporaryFolder(), 'other.png')
    await writeFile(other, await encode(patternFrame(160, 120)).png().toBuffer())
    expect(await whole({ ...request, search: { ...half, source: { kind: 'file', path: other } } })).toBe('1.25')
  })

  test('SeqOcclude covers part of the object, of positive pairs alone', async () => {
    const request = await framed([60, 40, 100, 70])
    const folder = await temporaryFolder()
    await writeFile(
      join(folder, 'blue.png'),
      await encode(plainFrame(64, 64, [0, 0, 255]))
        .png()
        .toBuffer(),
    )
    const steps = [
      { ...still, stretch: [0, 0] },
      { type: 'SeqOcclude', prob: 1, img_prefix: folder },
    ]
    const blue = ({ data }: RgbFrame) =>
      data.filter((value, i) => i % 3 === 2 && value === 255 && data[i - 1] === 0).length
    let covered = 0
    for (let key = 0; key < 20; key++) {
      const { images, boxes } = await windows(request, steps, key)
      expect(blue(images[0])).toBe(0)
      const area = (boxes[1][2] - boxes[1][0]) * (boxes[1][3] - boxes[1][1])
      expect(blue(images[1])).toBeLessThan(0.6 * area)
      if (blue(images[1]) > 0) covered++
    }
    expect(covered).toBeGreaterThan(15)
    // Without a folder the piece comes from the exemplar's image, which is grey and red.
    const own = await windows(
      request,
      [
        { ...still, stretch: [0, 0] },
        { type: 'SeqOcclude', prob: 1 },
      ],
      3,
    )
    const plain = await windows(request, [{ ...still, stretch: [0, 0] }], 3)
    expect(own.images[1].data).not.toEqual(plain.images[1].data)
    const { images } = await windows({ ...request, positive: false }, steps, 3)
    expect(blue(images[1])).toBe(0)
  })

  test('what does not fit is said', async () => {
    const make = (steps: readonly object[]) => new PairCropper(trainPipelineSchema.parse(steps), new Pictures(0))
    expect(() => make([{ type: 'SeqLightAug' }, still])).toThrow('SeqLightAug')
    expect(() => make([still, still])).toThrow('one SeqAffineCrop')
    expect(() => make([still, { type: 'SeqColorAug' }])).toThrow('one SeqAffineCrop')
    expect(() => make([still, { type: 'SeqOcclude', img_prefix: '/nowhere' }])).toThrow('no folder /nowhere')
    const empty = await temporaryFolder()
    expect(() => make([still, { type: 'SeqOcclude', img_prefix: empty }])).toThrow('no image among the 0 files')
    const fill = { mean: 0, replicate: 0, random: 0, zero: 0 }
    expect(() => make([{ ...still, fill }])).toThrow('weights, not all 0')
  })
})

const options: CutoutOptions = {
  path: '',
  background_path: '',
  min_size: 4,
  pos_prob: 1,
  turn: 15,
  far_turn: 100,
  far_turn_prob: 0.3,
  look_alikes: [0],
  same_kind_prob: 0.5,
}

/** A folder of red discs (kind `red`), blue squares, and grey photographs to lay them over. */
async function cutouts(changes: Partial<CutoutOptions> = {}) {
  const folder = await temporaryFolder()
  const path = join(folder, 'cutouts')
  const background_path = join(folder, 'photos')
  for (const made of [path, background_path]) await mkdir(made)
  const inDisc = (x: number, y: number) => (x - 30) ** 2 / 400 + (y - 20) ** 2 / 144 < 1
  const inSquare = (x: number, y: number) => x >= 12 && x < 40 && y >= 8 && y < 30
  const write = async (name: string, color: readonly [number, number, number], inside: typeof inDisc) => {
    const mask = plainFrame(60, 40, [0, 0, 0])
    for (let i = 0; i < 2400; i++) if (inside(i % 60, Math.floor(i / 60))) mask.data.fill(255, 3 * i, 3 * i + 3)
    await writeFile(
      join(path, `${name}.jpg`),
      await encode(plainFrame(60, 40, color))
        .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
        .toBuffer(),
    )
    await writeFile(join(path, `${name}.png`), await encode(mask).png({ palette: true, colors: 2 }).toBuffer())
  }
  for (const k of [1, 2]) await write(`red-000${k}`, [250, 0, 0], inDisc)
  await write('blue-0001', [0, 0, 250], inSquare)
  await writeFile(
    join(background_path, 'a.png'),
    await encode(plainFrame(90, 70, [90, 90, 90]))
      .png()
      .toBuffer(),
  )
  return { path, background_path, dataset: () => CutoutDataset.open({ ...options, path, background_path, ...changes }) }
}

/** Without light on the objects, and without chance colors around the photograph. */
const plainLight = (request: PairRequest): PairRequest => {
  const strip = (half: PairRequest['template']) => {
    const { source } = half
    if (source.kind !== 'collage') return half
    const background = { ...source.background, fill: 'mean' } as const
    return { ...half, source: { ...source, background, objects: source.objects.map(({ light, ...rest }) => rest) } }
  }
  return { ...request, template: strip(request.template), search: strip(request.search) }
}

describe('CutoutDataset', () => {
  test('the box is that of the object under its turn', async () => {
    const dataset = await (await cutouts()).dataset()
    expect(dataset.describe()).toContain('3 cut-outs of 2 kinds over 1 photographs')
    let farthest = 1
    for (let key = 0; key < 30; key++) {
      const request = plainLight(dataset.sample(1, new Random('cut', key))) // A red one: natural order.
      const steps = [{ ...still, stretch: [0, 0], scale: [0, 0.2], shift: [0, 0.2], far_prob: 0 }]
      const { images, boxes } = await windows(request, steps, key)
      for (const [k, image] of images.entries()) {
        const found = redBounds(image)
        for (let i = 0; i < 4; i++) {
          const edge = Math.min(Math.max(boxes[k]![i]! + 0.5, 0), image.width)
          expect(Math.abs(found![i]! - edge), `${request.id} ${key} ${k} ${i}`).toBeLessThan(2.2)
        }
      }
      const aspect = ([left, top, right, bottom]: Xyxy) => (right - left) / (bottom - top)
      farthest = Math.max(farthest, aspect(boxes[0]) / aspect(boxes[1]))
    }
    expect(farthest).toBeGreaterThan(1.6) // Some are turned far.
  })

  test('negative pairs show other objects only; look-alikes are of its kind, never itself', async () => {
    const dataset = await (await cutouts({ pos_prob: 0.5, look_alikes: [0, 2], same_kind_prob: 1 })).dataset()
    let [positives, alike, others] = [0, 0, 0]
    for (let key = 0; key < 100; key++) {
      const { template, search, positive } = dataset.sample(1, new Random('neg', key))
      if (template.source.kind !== 'collage' || search.source.kind !== 'collage') throw new Error('no collage')
      const own = template.source.objects.at(-1)!.path
      const paths = search.source.objects.map(({ path }) => path)
      expect(paths.includes(own)).toBe(positive || paths.includes(own))
      if (positive) positives++
      else expect(paths).toHaveLength(2)
      const beside = positive ? paths.slice(0, -1) : paths
      others += beside.length
      alike += beside.filter((path) => path.includes('red')).length
    }
    expect(positives).toBeGreaterThan(30)
    expect(positives).toBeLessThan(70)
    expect(alike / others).toBeGreaterThan(0.6)
  })

  test('bad input: a mask without its photograph, of another size, empty, no folder', async () => {
    const made = await cutouts()
    await writeFile(
      join(made.path, 'lost-0001.png'),
      await encode(plainFrame(8, 8, [255, 255, 255]))
        .png()
        .toBuffer(),
    )
    await expect(made.dataset()).rejects.toThrow(/1 masks without their photographs, such as .*lost-0001\.png/)
    await expect(
      CutoutDataset.open({ ...options, path: '/nowhere', background_path: made.background_path }),
    ).rejects.toThrow('no folder /nowhere')
    const small = await cutouts({ min_size: 30 })
    await expect(small.dataset()).rejects.toThrow('none of 3 masks is 30 pixels wide and high')
    const sized = await cutouts()
    await writeFile(
      join(sized.path, 'red-0001.jpg'),
      await encode(plainFrame(61, 40, [250, 0, 0]))
        .jpeg()
        .toBuffer(),
    )
    const request = (await sized.dataset()).sample(1, new Random(1))
    await expect(windows(request, [still])).rejects.toThrow('the mask is 60x40 pixels, expected 61x40')
  })
})

describe('memory', () => {
  test('the last used values stay within the bound; who asks at once shares one', async () => {
    const cache = new ByteCache<string>(10)
    const made: string[] = []
    const get = (name: string, bytes = 4) => {
      return cache.get(name, async () => {
        made.push(name)
        return { value: name.toUpperCase(), bytes }
      })
    }
    expect(await Promise.all([get('a'), get('a'), get('b')])).toEqual(['A', 'A', 'B'])
    await get('a')
    await get('c') // `b` is the oldest now.
    await get('a')
    await get('b')
    expect(made).toEqual(['a', 'b', 'c', 'b'])
    expect(cache.bytes).toBeLessThanOrEqual(10)
    await get('huge', 100)
    expect(cache.bytes).toBe(0)
    await expect(cache.get('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await get('x')).toBe('X')
  })
})
