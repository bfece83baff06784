// Cut-outs for `CutoutDataset` out of COCO annotations: objects in one piece, whole in their image, their polygons as masks. So many
// of each category are drawn, so that the common ones do not crowd out the others.

import { access } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { Random, type RgbFrame } from 'siamrpn'
import { rasterise } from '../clips/raster.ts'
import { attempt, pendingFolder } from '../frames/atomic.ts'
import { UnreadableImageError } from '../frames/errors.ts'
import { readImage } from '../frames/image.ts'
import { CocoEntry, CocoIds } from './coco-entry.ts'
import { AnnotationError, DatasetError, DatasetMissingError } from './errors.ts'
import { readJsonArrays } from './json-arrays.ts'

export interface CocoCutoutOptions {
  readonly annFile: string
  /** Folder that file names begin from. */
  readonly images: string
  readonly out: string
  readonly perCategory: number
  /** The least shorter side of an object, in pixels. */
  readonly minSize: number
  /** Larger ones are made smaller; of the longer side, pixels. */
  readonly maxSide: number
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

export interface CocoCutouts {
  readonly cutouts: number
  readonly categories: number
  /** Objects whose images could not be read, or have another size than the annotations say. */
  readonly unreadable: number
}

/** Objects that fill more of their image are mostly cut off by it, whatever the polygon says. */
const maxArea = 0.7
/** Pixels between object and image border. */
const border = 1
/** Margin around the object in parts of its sides. */
const margin = 0.05
/** Of a polygon; those of COCO have some hundreds. */
const mostCorners = 10_000
const mostCategories = 100_000
/** Of a category's name, characters: a file's name has 255 bytes. */
const longestKind = 50

interface Found {
  readonly image: StatedImage
  readonly polygon: Float64Array
}

interface StatedImage {
  readonly name: string
  readonly width: number
  readonly height: number
}

interface Catalogue {
  readonly ids: CocoIds
  readonly images: ReadonlyMap<number, StatedImage>
  readonly categories: ReadonlyMap<number, string>
}

/**
 * Writes the folder, complete or not at all.
 * @throws AnnotationError, DatasetMissingError (no such image), DatasetError (no object that fits), OutputError, the signal's reason
 */
export async function writeCocoCutouts(options: CocoCutoutOptions): Promise<CocoCutouts> {
  const { annFile, images: root, out, signal, onProgress } = options
  const catalogue = await readCatalogue(annFile)
  const chosen = await drawObjects(options, catalogue)
  const total = [...chosen.values()].reduce((sum, objects) => sum + objects.length, 0)
  if (total === 0) {
    throw new DatasetError(
      `${annFile}: no object of one polygon, whole in its image, with sides of ${options.minSize} pixels and more`,
    )
  }
  const folder = await pendingFolder(out, (name) => /^[^.].*-\d{4,}\.(jpg|png)$/.test(name))
  try {
    let [done, unreadable] = [0, 0]
    const numbers = new Map<string, number>() // Categories whose names have the same letters share theirs.
    for (const [category, objects] of [...chosen].sort(([a], [b]) => a - b)) {
      const kind = kindOf(catalogue.categories.get(category) ?? `category ${catalogue.ids.show(category)}`)
      for (const { image, polygon } of objects) {
        signal?.throwIfAborted()
        const number = (numbers.get(kind) ?? 0) + 1
        numbers.set(kind, number)
        const target = join(folder.temporary, `${kind}-${String(number).padStart(4, '0')}`)
        const written = await writeCutout({ polygon, image, root, target, maxSide: options.maxSide })
        if (!written) unreadable++
        onProgress?.(++done, total)
      }
    }
    await folder.commit()
    return { cutouts: total - unreadable, categories: chosen.size, unreadable }
  } finally {
    await folder.discard()
  }
}

/** A category as files are named by it. */
function kindOf(category: string): string {
  return category.replaceAll(/[^\p{L}\p{N}]+/gu, '_').slice(0, longestKind)
}

async function readCatalogue(file: string): Promise<Catalogue> {
  if (!(await exists(file)))
    throw new DatasetMissingError(`no annotation file ${file}, expected COCO's, such as instances_train2017.json`)
  const images = new Map<number, StatedImage>()
  const categories = new Map<number, string>()
  const ids = new CocoIds()
  await readJsonArrays(file, {
    images: (value, index) => {
      const entry = new CocoEntry(file, 'images', index, value)
      const size = { width: entry.number('width'), height: entry.number('height') }
      images.set(entry.id('id', ids), { name: entry.text('file_name'), ...size })
    },
    categories: (value, index) => {
      if (index === mostCategories) throw new AnnotationError(`${file}: more than ${mostCategories} categories`)
      const entry = new CocoEntry(file, 'categories', index, value)
      categories.set(entry.id('id', ids), entry.text('name'))
    },
  })
  if (images.size === 0) throw new AnnotationError(`${file}: no images, expected COCO annotations`)
  return { images, categories, ids }
}

/** Up to `perCategory` objects of each category, each that fits with the same chance (reservoir sampling). */
async function drawObjects(options: CocoCutoutOptions, { images, ids }: Catalogue): Promise<Map<number, Found[]>> {
  const { annFile: file, perCategory, minSize, seed } = options
  const chosen = new Map<number, Found[]>()
  const seen = new Map<number, number>()
  const random = new Random('cutouts', seed)
  await readJsonArrays(file, {
    annotations: (value, index) => {
      const entry: CocoEntry = new CocoEntry(file, 'annotations', index, value)
      const polygon = onePolygon(value)
      if (polygon === undefined || entry.flag('iscrowd')) return
      const id = entry.id('image_id', ids)
      const image = images.get(id) ?? entry.fail('.image_id', ids.show(id), "an image's id")
      const box = entry.box()
      if (box === undefined || !isWhole(box, image, minSize) || !isWithin(polygon, image)) return
      const category = entry.id('category_id', ids)
      const count = (seen.get(category) ?? 0) + 1
      seen.set(category, count)
      const objects = chosen.get(category) ?? []
      chosen.set(category, objects)
      if (objects.length < perCategory) objects.push({ image, polygon })
      else {
        const place = random.integer(count)
        if (place < perCategory) objects[place] = { image, polygon }
      }
    },
  })
  return chosen
}

/** The polygon of an object that is in one piece: what stands before it does not cut it up. */
function onePolygon(value: unknown): Float64Array | undefined {
  const segmentation =
    typeof value === 'object' && value !== null && 'segmentation' in value ? value.segmentation : undefined
  if (!Array.isArray(segmentation) || segmentation.length !== 1) return undefined
  const [points] = segmentation
  const pairs =
    Array.isArray(points) && points.length >= 6 && points.length % 2 === 0 && points.length <= 2 * mostCorners
  return pairs && points.every((one) => Number.isFinite(one)) ? clockwise(Float64Array.from(points)) : undefined
}

/** In the direction that the rasteriser counts as covered. */
function clockwise(points: Float64Array): Float64Array {
  let twice = 0
  for (let i = 0; i < points.length; i += 2) {
    const j = (i + 2) % points.length
    twice += (points[i] ?? 0) * (points[j + 1] ?? 0) - (points[j] ?? 0) * (points[i + 1] ?? 0)
  }
  if (twice >= 0) return points
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i] ?? 0, points[2 * i + 1] ?? 0])
  return Float64Array.from(pairs.toReversed().flat())
}

function isWhole(
  [x, y, width, height]: readonly [number, number, number, number],
  image: { readonly width: number; readonly height: number },
  minSize: number,
): boolean {
  const inside = x > border && y > border && x + width < image.width - border && y + height < image.height - border
  return inside && Math.min(width, height) >= minSize && width * height <= maxArea * image.width * image.height
}

function isWithin(polygon: Float64Array, { width, height }: StatedImage): boolean {
  return polygon.every((value, i) => value >= 0 && value <= (i % 2 === 0 ? width : height))
}

interface CutoutRequest extends Found {
  /** Of images. */
  readonly root: string
  /** Path without extension. */
  readonly target: string
  readonly maxSide: number
}

/** Whether the image could be read and has the size that is stated; its file must be there. @throws OutputError */
async function writeCutout({ polygon, image: stated, root, target, maxSide }: CutoutRequest): Promise<boolean> {
  const file = join(root, stated.name)
  let frame: RgbFrame
  try {
    frame = await readImage(file)
  } catch (error) {
    if (error instanceof UnreadableImageError) return false
    throw new DatasetMissingError(`no image ${file}, expected the images of the annotations`, { cause: error })
  }
  const { width, height } = frame
  if (width !== stated.width || height !== stated.height) return false
  const mask = maskOf(polygon, width, height)
  const region = around(polygon, width, height)
  const scale = Math.min(1, maxSide / Math.max(region.width, region.height))
  const size = {
    width: Math.max(1, Math.round(scale * region.width)),
    height: Math.max(1, Math.round(scale * region.height)),
  }
  const image = sharp(frame.data, { raw: { width, height, channels: 3 } }).extract(region)
  image.resize({ ...size, fit: 'fill' }).jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
  await attempt(`${target}.jpg`, () => image.toFile(`${target}.jpg`))
  const shape = sharp(mask, { raw: { width, height, channels: 1 } }).extract(region)
  shape
    .resize({ ...size, fit: 'fill' })
    .threshold(128)
    .png({ palette: true, colors: 2 })
  await attempt(`${target}.png`, () => shape.toFile(`${target}.png`))
  return true
}

function maskOf(polygon: Float64Array, width: number, height: number): Uint8Array {
  const { data } = rasterise([polygon], { left: 0, top: 0, right: width, bottom: height })
  const mask = new Uint8Array(width * height)
  for (let i = 0; i < mask.length; i++) mask[i] = (data[i] ?? 0) > 0.5 ? 255 : 0
  return mask
}

function around(polygon: Float64Array, width: number, height: number) {
  const least = (from: number) => polygon.reduce((a, b, i) => (i % 2 === from ? Math.min(a, b) : a), Infinity)
  const most = (from: number) => polygon.reduce((a, b, i) => (i % 2 === from ? Math.max(a, b) : a), -Infinity)
  const [x0, x1, y0, y1] = [least(0), most(0), least(1), most(1)]
  const [marginX, marginY] = [2 + margin * (x1 - x0), 2 + margin * (y1 - y0)]
  const left = Math.max(0, Math.floor(x0 - marginX))
  const top = Math.max(0, Math.floor(y0 - marginY))
  return {
    left,
    top,
    width: Math.min(width, Math.ceil(x1 + marginX)) - left,
    height: Math.min(height, Math.ceil(y1 + marginY)) - top,
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
