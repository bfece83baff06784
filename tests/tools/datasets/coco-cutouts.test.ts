// Cut-outs from COCO polygons: which objects are taken, what their masks are, and what is wrong with annotations and images.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { boundsUnder, outlineOf, readMask } from '../../../tools/augment/cutout.ts'
import { type CocoCutoutOptions, writeCocoCutouts } from '../../../tools/datasets/coco-cutouts.ts'
import { CutoutDataset } from '../../../tools/datasets/cutout-dataset.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { writeBrokenJpeg, writeJpeg, writeText } from './training-helpers.ts'

/** A rectangle with a notch, in either direction. */
const polygon = (x: number, y: number, w: number, h: number, reversed = false) => {
  const points = [
    [x, y],
    [x + w, y],
    [x + w, y + h],
    [x + w / 2, y + h / 2],
    [x, y + h],
  ]
  return (reversed ? points.toReversed() : points).flat()
}

const object = (
  id: number,
  image_id: number,
  [x, y, w, h]: readonly [number, number, number, number],
  more: object = {},
) => ({
  id,
  image_id,
  category_id: 1,
  bbox: [x, y, w, h],
  iscrowd: 0,
  segmentation: [polygon(x, y, w, h)],
  ...more,
})

async function coco(annotations: readonly object[]): Promise<CocoCutoutOptions> {
  const folder = await temporaryFolder()
  const images = [1, 2].map((id) => ({ id, file_name: `${id}.jpg`, width: 128, height: 128 }))
  for (const { id, file_name } of images) await writeJpeg(join(folder, 'images', file_name), [100 * id, 0, 0], 128)
  const categories = [
    { id: 1, name: 'traffic light' },
    { id: 2, name: 'dog' },
  ]
  await writeText(join(folder, 'a.json'), JSON.stringify({ annotations, categories, images }))
  const out = join(folder, 'cutouts')
  return {
    annFile: join(folder, 'a.json'),
    images: join(folder, 'images'),
    out,
    perCategory: 3,
    minSize: 20,
    maxSide: 60,
    seed: 1,
  }
}

test('whole objects of one piece, by category, with masks that are their polygons', async () => {
  const options = await coco([
    object(1, 1, [10, 12, 40, 30]),
    object(2, 2, [20, 20, 80, 90], { category_id: 2, segmentation: [polygon(20, 20, 80, 90, true)] }),
    object(3, 1, [0, 12, 40, 30]), // At the border.
    object(4, 1, [50, 50, 19, 30]), // Small.
    object(5, 1, [10, 12, 40, 30], { iscrowd: 1 }),
    object(6, 1, [10, 12, 40, 30], { segmentation: [polygon(10, 12, 10, 9), polygon(30, 12, 10, 9)] }),
    object(7, 1, [10, 12, 40, 30], { segmentation: { counts: [1], size: [1, 1] } }),
    object(8, 1, [3, 3, 120, 120]), // Nearly all of the image.
  ])
  expect(await writeCocoCutouts(options)).toEqual({ cutouts: 2, categories: 2, unreadable: 0 })
  expect(await readdir(options.out)).toEqual([
    'dog-0001.jpg',
    'dog-0001.png',
    'traffic_light-0001.jpg',
    'traffic_light-0001.png',
  ])
  const mask = await readMask(join(options.out, 'traffic_light-0001.png'))
  const [left, top, right, bottom] = boundsUnder(outlineOf(mask), [1, 0, 0, 1])
  expect([right - left, bottom - top]).toEqual([40, 30])
  const share = mask.data.filter((value) => value > 0).length / (40 * 30)
  expect(share).toBeCloseTo(0.75, 1)
  const dog = await readMask(join(options.out, 'dog-0001.png'))
  expect(Math.max(dog.width, dog.height)).toBe(60)
  const [, y0, , y1] = boundsUnder(outlineOf(dog), [1, 0, 0, 1])
  expect(Math.abs(y1 - y0 - (90 * 60) / (90 + 2 * 6.5))).toBeLessThan(2)
  const found = await CutoutDataset.open({
    path: options.out,
    background_path: options.images,
    min_size: 12,
    pos_prob: 1,
    turn: 0,
    far_turn: 0,
    far_turn_prob: 0,
    look_alikes: [1],
    same_kind_prob: 1,
  })
  expect(found.describe()).toContain('2 cut-outs of 2 kinds over 2 photographs')
  expect(found.sample(0, new Random(1)).id).toBe('dog-0001 moved')
})

test('so many of a category, drawn by the seed', async () => {
  const many = Array.from({ length: 40 }, (_, k) => object(k, 1 + (k % 2), [5 + k, 5 + k, 30 + k, 30 + k]))
  const options = await coco(many)
  expect(await writeCocoCutouts(options)).toMatchObject({ cutouts: 3 })
  const first = await readFile(join(options.out, 'traffic_light-0001.png'))
  await writeCocoCutouts(options)
  expect(await readFile(join(options.out, 'traffic_light-0001.png'))).toEqual(first)
})

test('bad input: nothing to cut, no such image, a damaged one; nothing half written', async () => {
  const nothing = await coco([object(1, 1, [0, 0, 20, 20])])
  await expect(writeCocoCutouts(nothing)).rejects.toThrow('a.json: no object of one polygon')
  const unknown = await coco([object(1, 9, [10, 10, 30, 30])])
  await expect(writeCocoCutouts(unknown)).rejects.toThrow(
    /annotations\[0\]\.image_id: found "?9"?, expected an image's id/,
  )
  await expect(writeCocoCutouts({ ...unknown, annFile: '/nowhere.json' })).rejects.toThrow(
    'no annotation file /nowhere.json',
  )
  const absent = await coco([object(1, 1, [10, 10, 30, 30])])
  await expect(writeCocoCutouts({ ...absent, images: '/nowhere' })).rejects.toThrow('no image /nowhere/1.jpg')
  expect(await readdir(join(absent.out, '..'))).toEqual(['a.json', 'images'])
  const damaged = await coco([object(1, 1, [10, 10, 30, 30]), object(2, 2, [10, 10, 30, 30])])
  await writeBrokenJpeg(join(damaged.images, '2.jpg'))
  expect(await writeCocoCutouts(damaged)).toEqual({ cutouts: 1, categories: 1, unreadable: 1 })
  await writeFile(join(damaged.out, 'mine.txt'), '')
  await expect(writeCocoCutouts(damaged)).rejects.toThrow('it holds mine.txt')
})

test('polygons that are none, or lie beside their image, are left out; images of another size are counted', async () => {
  const good = [10, 12, 40, 30] as const
  const around = (points: readonly number[]) => object(1, 1, good, { segmentation: [points] })
  const circle = Array.from({ length: 200_000 }, (_, k) => [30 + 15 * Math.cos(k / 3e4), 30 + 15 * Math.sin(k / 3e4)])
  const options = await coco([
    around([10, 10, 50, 10, 50, 40, 10]),
    around([-1e6, 10, 50, 10, 50, 40]),
    around([10, 10, 1e308, 10, 50, 40]),
    around([500, 500, 550, 500, 550, 540]),
    around(circle.flat()),
    object(1, 1, good),
    object(2, 2, good),
  ])
  await writeJpeg(join(options.images, '2.jpg'), [0, 0, 0], 64)
  expect(await writeCocoCutouts({ ...options, perCategory: 9 })).toEqual({ cutouts: 1, categories: 1, unreadable: 1 })
})

test('categories without end are refused', async () => {
  const options = await coco([object(1, 1, [10, 12, 40, 30])])
  const categories = Array.from({ length: 100_001 }, (_, id) => ({ id, name: 'a' }))
  await writeFile(options.annFile, JSON.stringify({ categories, images: [], annotations: [] }))
  await expect(writeCocoCutouts(options)).rejects.toThrow('a.json: more than 100000 categories')
})

test('categories of one name, or of a long one, keep all their cut-outs', async () => {
  const box = [10, 12, 40, 30] as const
  const options = await coco([1, 2, 3].map((category_id) => object(category_id, 1, box, { category_id })))
  const file = JSON.parse(await readFile(options.annFile, 'utf8'))
  const categories = ['hot dog', 'hot_dog', '\u72ac'.repeat(300)].map((name, index) => ({ id: index + 1, name }))
  await writeFile(options.annFile, JSON.stringify({ ...file, categories }))
  expect(await writeCocoCutouts(options)).toEqual({ cutouts: 3, categories: 3, unreadable: 0 })
  expect((await readdir(options.out)).filter((name) => name.startsWith('hot'))).toEqual([
    'hot_dog-0001.jpg',
    'hot_dog-0001.png',
    'hot_dog-0002.jpg',
    'hot_dog-0002.png',
  ])
})
