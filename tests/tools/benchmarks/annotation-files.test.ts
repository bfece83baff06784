// MMTracking's annotation files: infos of version 0.14 and COCO-VID, as its converters write them; broken ones.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig, type TestDatasetConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { benchmarkOfConfig, openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import type { BenchmarkName } from '../../../tools/benchmarks/types.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

const heading = 'The format of each line in this txt is (video_path,annotation_path,start_frame_id,end_frame_id)'

async function openFile(type: BenchmarkName, root: string, name: string, tell = keepFindings(root).tell) {
  return await openBenchmark({ type, root, annFile: join(root, name), tell })
}

describe('infos', () => {
  test('LaSOT: the flags beside the images say what is visible', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'infos.txt': `${heading}\ncar/car-2/img,car/car-2/groundtruth.txt,1,3\r\n`,
      'car/car-2/groundtruth.txt': boxLines(3),
      'car/car-2/full_occlusion.txt': '0,1,0',
      'car/car-2/out_of_view.txt': '0,0,0',
      'att/car-2.txt': '1,0,0,0,0,0,0,0,0,0,0,0,0,0',
    })
    await placeImages(join(root, 'car/car-2/img'), [1, 4], 8)
    const { title, sequences } = await openFile('lasot', root, 'infos.txt')
    expect(title).toBe('LaSOT (testing set), infos.txt')
    expect(sequences).toMatchObject([{ name: 'car-2', visible: [true, false, true], attributes: ['IV'] }])
    expect(sequences[0]?.images).toHaveLength(3)
  })

  test("OTB100: two targets of a video, first images that are not 1, Tiger1's first boxes left out", async () => {
    const root = await temporaryFolder()
    await place(root, {
      'infos.txt': [
        heading,
        'Jogging/img,Jogging/groundtruth_rect.1.txt,1,2',
        'Jogging/img,Jogging/groundtruth_rect.2.txt,1,2',
        'David/img,David/groundtruth_rect.txt,300,301',
        'Tiger1/img,Tiger1/groundtruth_rect.txt,6,7',
      ].join('\n'),
      'Jogging/groundtruth_rect.1.txt': boxLines(2),
      'Jogging/groundtruth_rect.2.txt': boxLines(2, '\t'),
      'David/groundtruth_rect.txt': boxLines(2),
      'Tiger1/groundtruth_rect.txt': '1,1,5,5\n2,1,5,5\n3,1,5,5\n4,1,5,5\n5,1,5,5\n6,1,5,5\n7,1,5,5\n',
    })
    await placeImages(join(root, 'Jogging/img'), [1, 2])
    await placeImages(join(root, 'David/img'), [298, 301])
    await placeImages(join(root, 'Tiger1/img'), [1, 7])
    const { sequences } = await openFile('otb100', root, 'infos.txt')
    expect(sequences.map(({ name }) => name)).toEqual(['Jogging-1', 'Jogging-2', 'David', 'Tiger1'])
    expect(sequences[0]?.attributes).toEqual(['OCC', 'DEF', 'OPR'])
    expect(sequences[2]?.images[0]).toBe(join(root, 'David/img/0300.jpg'))
    expect(sequences[3]?.boxes.map(({ x }) => x)).toEqual([6, 7])
    expect(sequences[3]?.images[0]).toBe(join(root, 'Tiger1/img/0006.jpg'))
  })

  test('UAV123: segments; TrackingNet: lines with the chunk, one box; VOT: polygons and tags, absolute paths', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'uav.txt': `${heading}\ndata_seq/UAV123/bird1,anno/UAV123/bird1_2.txt,3,4`,
      'anno/UAV123/bird1_2.txt': '1,2,30,40\nNaN,NaN,NaN,NaN\n',
      'anno/UAV123/att/bird1_2.txt': '1,0,0,0,0,0,0,0,0,0,0,1',
      'net.txt': `${heading}\nTEST,TEST/frames/a_0,TEST/anno/a_0.txt,0,2`,
      'TEST/anno/a_0.txt': '1,2,30,40',
      'vot.txt': `${heading}\n${root}/ants1/color,${root}/ants1/groundtruth.txt,1,2`,
      'ants1/groundtruth.txt': '0,0,4,1,3,5,-1,4\n1,2,30,40\n',
      'ants1/occlusion.tag': '0\n1\n',
    })
    await placeImages(join(root, 'data_seq/UAV123/bird1'), [1, 6], 6)
    await placeImages(join(root, 'TEST/frames/a_0'), [0, 2], 1)
    await placeImages(join(root, 'ants1/color'), [1, 2], 8)
    const [bird] = (await openFile('uav123', root, 'uav.txt')).sequences
    expect(bird).toMatchObject({ name: 'bird1_2', visible: [true, false], attributes: ['SV', 'SOB'] })
    expect(bird?.images[0]).toBe(join(root, 'data_seq/UAV123/bird1/000003.jpg'))
    const [video] = (await openFile('trackingnet', root, 'net.txt')).sequences
    expect(video).toMatchObject({ name: 'a_0', visible: [true] })
    expect(video?.images).toHaveLength(3)
    expect((await openFile('vot2018', root, 'vot.txt')).sequences).toMatchObject([
      {
        name: 'ants1',
        boxes: [
          { x: -1, y: 0, width: 5, height: 5 },
          { x: 1, y: 2, width: 30, height: 40 },
        ],
        corners: [
          [0, 0, 4, 1, 3, 5, -1, 4],
          [1, 2, 31, 2, 31, 42, 1, 42],
        ],
        visible: [true, true],
        attributes: ['occlusion'],
        frameTags: { occlusion: [false, true] },
      },
    ])
  })

  test('lines that are none, ranges without images and boxes that do not fit are named with the line', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'infos.txt': [
        'a/img,a/groundtruth.txt,1,2',
        'a/img,a/groundtruth.txt,1,2',
        'a/img;a/groundtruth.txt',
        'a/img,a/groundtruth.txt,1,9',
        'a/img,a/groundtruth.txt,2,3',
        'a/img,b/groundtruth.txt,1,3',
        'a/img,a/groundtruth.txt,3,2',
      ].join('\n'),
      'a/groundtruth.txt': boxLines(2),
      'empty.txt': `${heading}\n`,
    })
    await placeImages(join(root, 'a/img'), [1, 3])
    const { found, tell } = keepFindings(root)
    const { sequences } = await openFile('otb100', root, 'infos.txt', tell)
    expect(sequences.map(({ name, images }) => [name, images.length])).toEqual([['a', 2]])
    expect(found).toEqual([
      'warning infos.txt:1 looks like a sequence, but the first line counts as the heading; as MMTracking does, it is left out',
      'error infos.txt:3 found "a/img;a/groundtruth.txt", expected (chunk,)video_path,annotation_path,start_frame_id,end_frame_id',
      'error infos.txt:4 no image 4 in a/img (3 images), expected 1 to 9',
      'error b/groundtruth.txt not found, expected the ground truth: a box per line',
      'error infos.txt:7 images 3 to 2 are none, expected one or more',
      'error infos.txt two sequences are called a, expected different names',
    ])
    await expect(openFile('otb100', root, 'empty.txt')).rejects.toThrow(/empty\.txt: no sequence, expected/)
    await expect(openFile('otb100', root, 'nowhere.txt')).rejects.toThrow(/no annotation file .*nowhere\.txt/)
  })
})

describe('COCO-VID', () => {
  /** Videos of the given annotations, a frame each. */
  function coco(videos: Readonly<Record<string, readonly object[]>>, names = Object.keys(videos)): string {
    const file = {
      categories: [{ id: 0, name: 0 }],
      videos: [] as object[],
      images: [] as object[],
      annotations: [] as object[],
    }
    let id = 1
    for (const [video, [key, annotations]] of Object.entries(videos).entries()) {
      file.videos.push({ id: video + 1, name: names[video] })
      for (const [frame, annotation] of annotations.entries()) {
        const name = `${key}/img/${String(frame + 1).padStart(8, '0')}.jpg`
        file.images.push({ file_name: name, height: 120, width: 160, id, frame_id: frame, video_id: video + 1 })
        file.annotations.push({ id, image_id: id, instance_id: video + 1, category_id: 0, area: 1, ...annotation })
        id++
      }
    }
    return JSON.stringify({ ...file, images: file.images.reverse() })
  }
  const bbox = [1, 2, 30, 40]

  test('LaSOT: lasot_test.json of the seed', async () => {
    const root = await temporaryFolder()
    const seen = { bbox, full_occlusion: false, out_of_view: false }
    const frames = [
      seen,
      { ...seen, full_occlusion: true },
      { ...seen, out_of_view: true },
      { ...seen, bbox: [1, 2, 0, 9] },
    ]
    await place(root, {
      'lasot_test.json': coco({ 'airplane-1': frames, 'zebra-3': [seen] }),
      'zebra-3/img/00000001.jpg': '',
    })
    await placeImages(join(root, 'airplane-1/img'), [1, 4], 8)
    const { title, sequences } = await openFile('lasot', root, 'lasot_test.json')
    expect(title).toBe('LaSOT (testing set), lasot_test.json')
    expect(sequences.map(({ name, visible }) => [name, visible])).toEqual([
      ['airplane-1', [true, false, false, false]],
      ['zebra-3', [true]],
    ])
    expect(sequences[0]).toMatchObject({ size: { width: 160, height: 120 }, attributes: [] })
    expect(sequences[0]?.images).toEqual(
      [1, 2, 3, 4].map((number) => join(root, `airplane-1/img/0000000${number}.jpg`)),
    )
    expect(sequences[0]?.boxes[3]).toEqual({ x: 1, y: 2, width: 0, height: 9 })
    const limited = await openBenchmark({ type: 'lasot', root, annFile: join(root, 'lasot_test.json'), limit: 1 })
    expect(limited.sequences.map(({ name }) => name)).toEqual(['airplane-1'])
  })

  test('GOT-10k: absence and cover; the test split has zeros instead of boxes', async () => {
    const root = await temporaryFolder()
    const label = { absence: false, cover: 8, cut_by_image: false }
    await place(root, {
      'val.json': coco({
        v: [
          { bbox, ...label },
          { bbox, ...label, absence: true },
          { bbox, ...label, cover: 0 },
        ],
      }),
      'test.json': coco({ v: [{ bbox }, { bbox: [0, 0, 0, 0] }, { bbox: [0, 0, 0, 0] }] }),
    })
    await placeImages(join(root, 'v/img'), [1, 3], 8)
    const [val] = (await openFile('got10k', root, 'val.json')).sequences
    expect(val).toMatchObject({ visible: [true, false, false], cover: [8, 8, 0] })
    const [secret] = (await openFile('got10k', root, 'test.json')).sequences
    expect(secret?.boxes).toHaveLength(1)
    expect(secret?.images).toHaveLength(3)
    expect(secret?.cover).toBeUndefined()
  })

  test('VOT: polygons with tags; videos of one name are numbered as the benchmark numbers them', async () => {
    const root = await temporaryFolder()
    const tags = {
      camera_motion: false,
      illu_change: false,
      motion_change: false,
      occlusion: false,
      size_change: false,
    }
    await place(root, {
      'vot.json': coco({
        a: [
          { bbox: [0, 0, 4, 1, 3, 5, -1, 4], ...tags },
          { bbox, ...tags, illu_change: true },
        ],
      }),
      'otb.json': coco({ a: [{ bbox }], b: [{ bbox }], c: [{ bbox }] }, ['Jogging', 'Jogging', 'Jump']),
      'uav.json': coco({ a: [{ bbox }], b: [{ bbox }] }, ['bird1', 'bird1']),
    })
    for (const name of ['a', 'b', 'c']) await placeImages(join(root, name, 'img'), [1, 2], 8)
    expect((await openFile('vot2018', root, 'vot.json')).sequences).toMatchObject([
      {
        corners: [
          [0, 0, 4, 1, 3, 5, -1, 4],
          [1, 2, 31, 2, 31, 42, 1, 42],
        ],
        frameTags: { camera_motion: [false, false], illum_change: [false, true] },
        attributes: ['illum_change'],
      },
    ])
    const names = async (type: BenchmarkName, file: string) =>
      (await openFile(type, root, file)).sequences.map(({ name }) => name)
    expect(await names('otb100', 'otb.json')).toEqual(['Jogging-1', 'Jogging-2', 'Jump'])
    expect(await names('uav123', 'uav.json')).toEqual(['bird1_1', 'bird1_2'])
  })

  test('what is broken is named with the entry', async () => {
    const root = await temporaryFolder()
    const video = { id: 1, name: 'v' }
    const image = { id: 1, file_name: 'v/1.jpg', video_id: 1, frame_id: 0 }
    const annotation = { image_id: 1, bbox }
    const file = (parts: object) =>
      JSON.stringify({ videos: [video], images: [image], annotations: [annotation], ...parts })
    await place(root, {
      'v/1.jpg': '',
      'box.json': file({ annotations: [{ image_id: 1, bbox: [1, 2, 3] }] }),
      'lost.json': file({ annotations: [{ image_id: 7, bbox }] }),
      'stray.json': file({ images: [{ ...image, video_id: 4 }] }),
      'images.json': JSON.stringify({ images: [image], annotations: [annotation] }),
      'cut.json': file({}).slice(0, -10),
      'odd.json': file({
        videos: [
          video,
          { id: 2, name: 'empty' },
          { id: 3, name: 'gap' },
          { id: 4, name: 'bare' },
          { id: 5, name: 'gone' },
        ],
        images: [
          image,
          { ...image, id: 2, video_id: 3, frame_id: 1 },
          { ...image, id: 3, video_id: 4 },
          { ...image, id: 4, video_id: 5, file_name: 'gone/1.jpg' },
          { ...image, id: 5, frame_id: 1 },
        ],
        annotations: [annotation, { image_id: 4, bbox }],
      }),
    })
    const open = async (name: string) => await openFile('lasot', root, `${name}.json`)
    await expect(open('box')).rejects.toThrow(
      /box\.json: annotations\[0\]\.bbox: found \[1,2,3\], expected \[left, top/,
    )
    await expect(open('lost')).rejects.toThrow(/annotations\[0\]\.image_id: found 7, expected an image's id/)
    await expect(open('stray')).rejects.toThrow(/images\[0\]\.video_id: found 4, expected a video's id/)
    await expect(open('images')).rejects.toThrow(/no `videos` \(found: images, annotations\)/)
    await expect(open('cut')).rejects.toThrow(/cut\.json: byte \d+: the file ends/)
    await expect(open('nowhere')).rejects.toThrow(/no annotation file/)
    const { found, tell } = keepFindings(root)
    const { sequences } = await openFile('lasot', root, 'odd.json', tell)
    expect(sequences.map(({ name, visible }) => [name, visible])).toEqual([['v', [true, false]]])
    expect(found).toEqual([
      'warning odd.json: videos[0] (v) frame 1 has no annotation: a frame without the object',
      'error odd.json: videos[1] (empty) no images, expected one or more',
      'error odd.json: videos[2] (gap) frame_id 1 where 0 was expected: 0, 1, 2 ...',
      'warning odd.json: videos[3] (bare) frame 0 has no annotation: a frame without the object',
      'error odd.json: videos[3] (bare) the first box is [], expected one with an area: a tracker starts from it',
      'error odd.json: videos[4] no image gone/1.jpg, which gone begins with; expected the images below ROOT',
    ])
  })
})

describe("a configuration's data set", () => {
  const entries = { pipeline: r50.test_pipeline, test_mode: true }

  /** As a configuration's `data.test` comes out of its schema. */
  function configured(test: object): TestDatasetConfig {
    const { data } = parseConfig({ ...r50, data: { ...r50.data, test } })
    if (!data?.test) throw new Error('no data.test')
    return data.test
  }

  test('the annotation file decides; without it the folder is read as downloaded, with a warning', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'testing_set.txt': 'a-1\n',
      'a-1/groundtruth.txt': boxLines(1),
      'a-1/full_occlusion.txt': '0',
      'a-1/out_of_view.txt': '0',
      'infos.txt': `${heading}\na-2/img,a-2/groundtruth.txt,1,1\n`,
      'a-2/groundtruth.txt': boxLines(1),
      'a-2/full_occlusion.txt': '0',
      'a-2/out_of_view.txt': '0',
    })
    for (const name of ['a-1', 'a-2']) await placeImages(join(root, name, 'img'), [1, 1], 8)
    const { found, tell } = keepFindings(root)
    const ann_file = join(root, 'infos.txt')
    const lasot = configured({ type: 'LaSOTDataset', ...entries, ann_file, img_prefix: root })
    const names = async () => (await benchmarkOfConfig(lasot, { tell })).sequences.map(({ name }) => name)
    expect(await names()).toEqual(['a-2'])
    expect(found).toEqual([])
    await rm(ann_file)
    expect(await names()).toEqual(['a-1'])
    expect(found).toEqual(['warning infos.txt no such annotation file; ROOT is read as it is downloaded'])
  })

  test('VOT and own clips; pairs to train on are refused', async () => {
    const root = await temporaryFolder()
    await place(root, { 'list.txt': 'ants1\n', 'ants1/groundtruth.txt': boxLines(1) })
    await placeImages(join(root, 'ants1/color'), [1, 1], 8)
    const vot = configured({ type: 'VOTDataset', ...entries, ann_file: '', img_prefix: root })
    expect(await benchmarkOfConfig(vot)).toMatchObject({
      type: 'vot2018',
      protocol: 'vot',
      sequences: [{ name: 'ants1' }],
    })
    await placeImages(join(root, 'clip/img'), [1, 1])
    await place(root, { 'clip/groundtruth.txt': boxLines(1) })
    const clips = configured({ type: 'ClipFolder', path: join(root, 'clip') })
    expect(await benchmarkOfConfig(clips)).toMatchObject({ type: 'folder', sequences: [{ name: 'clip' }] })
    const pairs = configured({ type: 'SOTCocoDataset', ann_file: 'a.json', pipeline: r50.train_pipeline })
    await expect(benchmarkOfConfig(pairs)).rejects.toThrow(
      /SOTCocoDataset holds pairs to train on, expected videos to track: LaSOTDataset, .*ClipFolder/,
    )
  })
})
