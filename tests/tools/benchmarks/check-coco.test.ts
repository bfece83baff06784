// COCO-VID annotation files: every broken entry is told with its place.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkCoco } from '../../../tools/benchmarks/check-coco.ts'
import { Findings } from '../../../tools/benchmarks/findings.ts'
import { writeJpeg, writeText } from '../datasets/training-helpers.ts'
import { temporaryFolder } from '../frames/helpers.ts'

const images = [1, 2, 3].map((id) => ({
  id,
  video_id: 1,
  frame_id: id - 1,
  file_name: `v/${id}.jpg`,
  width: 32,
  height: 32,
}))
const annotations = images.map(({ id }) => ({ id, image_id: id, instance_id: 1, category_id: 0, bbox: [1, 2, 10, 10] }))
const sound = { categories: [{ id: 0, name: 0 }], videos: [{ id: 1, name: 'v' }], images, annotations }

async function check(json: unknown, decode = 0) {
  const folder = await temporaryFolder()
  const file = join(folder, 'a.json')
  await writeText(file, typeof json === 'string' ? json : JSON.stringify(json))
  for (const { file_name } of images) await writeJpeg(join(folder, file_name), [9, 9, 9])
  const findings = new Findings(Number.POSITIVE_INFINITY)
  const summary = await checkCoco({ file, imagePrefix: folder }, { tell: findings.tell, decode })
  const told = findings.groups.flatMap((group) => group.findings)
  const lines = told.map(({ severity, place, message }) =>
    `${severity} ${place}: ${message}`.replaceAll(`${folder}/`, ''),
  )
  return { summary, lines }
}

test('a sound file, in any order of its arrays', async () => {
  const counts = { videos: 1, images: 3, annotations: 3, instances: 1, unannotated: 0, decoded: 2 }
  expect(await check(sound, 2)).toEqual({ summary: counts, lines: [] })
  const reversed = { annotations, images, videos: sound.videos, categories: sound.categories }
  expect(await check(reversed, 2)).toEqual({ summary: counts, lines: [] })
})

test("COCO's own form, without videos", async () => {
  const stills = images.map(({ id, file_name, width, height }) => ({ id, file_name, width, height }))
  const boxes = annotations.slice(1).map(({ id, image_id, bbox }) => ({ id, image_id, category_id: 0, bbox }))
  const { summary, lines } = await check({ images: stills, annotations: boxes })
  expect(lines).toEqual([])
  expect(summary).toMatchObject({ videos: 0, images: 3, instances: 2, unannotated: 1 })
})

const [image] = images
const [annotation] = annotations
const withImage = (change: object) => ({ ...sound, images: [{ ...image, ...change }, ...images.slice(1)] })
const withAnnotation = (change: object) => ({
  ...sound,
  annotations: [{ ...annotation, ...change }, ...annotations.slice(1)],
})

const bad: readonly (readonly [line: string, json: unknown])[] = [
  [
    'error a.json: videos[1].id: 1 is the id of another video, too',
    { ...sound, videos: [...sound.videos, ...sound.videos] },
  ],
  ['error a.json: videos[0].name: found 7, expected a text', { ...sound, videos: [{ id: 1, name: 7 }] }],
  ['warning a.json: videos: video 2 has no image', { ...sound, videos: [...sound.videos, { id: 2, name: 'w' }] }],
  ['error a.json: images[0]: found 3, expected an object', { ...sound, images: [3, ...images] }],
  ['error a.json: images[1].id: 2 is the id of another image, too', withImage({ id: 2 })],
  ['error a.json: images[0].file_name: found nothing, expected a text', withImage({ file_name: undefined })],
  ['error v/9.jpg: no such image, but it is named', withImage({ file_name: 'v/9.jpg' })],
  ['error a.json: images[0].video_id: found 5, expected a video', withImage({ video_id: 5 })],
  ['error a.json: images[0].frame_id: found nothing, expected a number', withImage({ frame_id: undefined })],
  ['warning a.json: images[1].frame_id: video 1 has two images of frame 1', withImage({ frame_id: 1 })],
  ['warning a.json: images[0].width: found null, expected a number', withImage({ width: null })],
  ['warning v/1.jpg: 32x32 pixels, but the annotations state 64x32', withImage({ width: 64 })],
  ['error a.json: annotations[0].image_id: found 8, expected an image', withAnnotation({ image_id: 8 })],
  ['error a.json: annotations[0].instance_id: found nothing', withAnnotation({ instance_id: undefined })],
  ['warning a.json: annotations[1].id: 2 is the id of another annotation, too', withAnnotation({ id: 2 })],
  ['warning a.json: annotations[0].category_id: found 4, expected a category', withAnnotation({ category_id: 4 })],
  ['warning a.json: annotations[0].bbox: found [1,2,3], expected [left', withAnnotation({ bbox: [1, 2, 3] })],
  [
    'warning a.json: annotations[0].bbox: found [1,2,null,4], expected [left',
    withAnnotation({ bbox: [1, 2, null, 4] }),
  ],
  ['warning a.json: annotations[0].bbox: [1,2,0,4] has no area', withAnnotation({ bbox: [1, 2, 0, 4] })],
  [
    'warning a.json: annotations[0].bbox: [32,2,5,4] lies outside the image, 32x32',
    withAnnotation({ bbox: [32, 2, 5, 4] }),
  ],
  ['error a.json: no `annotations` (found: images)', { images }],
  ['error a.json: byte 12: the file ends', '{"images": ['],
]

test.each(bad)('%s', async (line, json) => {
  const { lines } = await check(json, 1)
  expect(lines).toContainEqual(expect.stringContaining(line))
})
