// Annotations of the page: what is exported can be imported again, and what does not fit is refused with a sentence.

import { describe, expect, test } from 'vitest'
import { writeCocoVid } from '../../web/src/formats/coco-vid.ts'
import { writeCsv } from '../../web/src/formats/csv.ts'
import { writeGroundTruth } from '../../web/src/formats/ground-truth.ts'
import { importAnnotations } from '../../web/src/formats/import.ts'
import { writeProjectJson } from '../../web/src/formats/json.ts'
import { writeMot } from '../../web/src/formats/mot.ts'
import {
  addTarget,
  emptyProject,
  type Project,
  renameTarget,
  setMark,
  setTracked,
} from '../../web/src/model/project.ts'

const clip = { name: 'dog.mp4', width: 640, height: 360, frameCount: 6, frameRate: 25 }
const box = (x: number) => ({ x, y: 20.5, width: 30, height: 40.25 })

/** Two targets: one followed to an absent mark, one with marks alone. */
function example(): Project {
  let { project } = addTarget(emptyProject(clip), 0, box(10))
  project = renameTarget(project, 1, 'Dog, "brown"')
  project = setTracked(project, 1, new Map([[1, { box: box(11), score: 0.75 }]]))
  project = setTracked(project, 2, new Map([[1, { box: box(12), score: 0.5 }]]))
  project = setMark(project, 1, 3, { kind: 'absent' })
  ;({ project } = addTarget(project, 2, box(100)))
  return setMark(project, 2, 5, { kind: 'box', box: box(110) })
}

describe('export and import', () => {
  test('JSON keeps everything', () => {
    const project = example()
    expect(importAnnotations(clip, writeProjectJson(project), 'dog.json')).toEqual(project)
  })

  test('CSV keeps everything', () => {
    const project = example()
    expect(importAnnotations(clip, writeCsv(project), 'dog.csv')).toEqual(project)
  })

  test('COCO-VID keeps boxes, names and scores; it has no word for absent', () => {
    const read = importAnnotations(clip, writeCocoVid(example()), 'dog.json')
    const [dog, other] = read.targets
    expect(dog?.name).toBe('Dog, "brown"')
    expect([...(dog?.track ?? [])]).toEqual([...(example().targets[0]?.track ?? [])])
    expect([...(dog?.marks.keys() ?? [])]).toEqual([0])
    expect(other?.marks).toEqual(example().targets[1]?.marks)
  })

  test('MOT counts frames and pixels from 1 and comes back the same to a hundredth', () => {
    const text = writeMot(example())
    expect(text.split('\n')[0]).toBe('1,1,11.00,21.50,30.00,40.25,1.0000,-1,-1,-1')
    const read = importAnnotations(clip, text, 'dog.txt')
    expect(read.targets[0]?.marks.get(0)).toEqual({ kind: 'box', box: box(10) })
    expect(read.targets[0]?.track.get(2)).toEqual({ box: box(12), score: 0.5 })
  })

  test('a ground truth has a line per frame and NaN where nothing is known', () => {
    const [dog] = example().targets
    if (!dog) throw new Error('no target')
    const text = writeGroundTruth(dog, clip.frameCount)
    expect(text.trimEnd().split('\n')).toHaveLength(6)
    const read = importAnnotations(clip, text, 'groundtruth.txt')
    expect(read.targets[0]?.marks.get(1)).toEqual({ kind: 'box', box: box(11) })
    expect(read.targets[0]?.marks.get(4)).toEqual({ kind: 'absent' })
  })

  test('line ends of Windows and a byte-order mark change nothing', () => {
    const project = example()
    expect(importAnnotations(clip, `\uFEFF${writeCsv(project).replaceAll('\n', '\r\n')}`, 'dog.csv')).toEqual(project)
  })
})

const projectWith = (entries: object) =>
  JSON.stringify({ format: 'siamrpn-project', targets: [{ id: 1, name: 'a', ...entries }] })

const cocoWith = (entries: object) => {
  const images = [1, 2, 3, 4, 5, 6].map((id) => ({ id }))
  return JSON.stringify({ images, annotations: [], ...entries })
}

describe('refusals', () => {
  test.each([
    ['', '"x" is empty'],
    ['hello', '"x" begins with "hello", expected JSON, COCO-VID, CSV, MOT or a ground truth'],
    ['{"a": 1}', '"x" is JSON, but neither a project of this page nor COCO-VID'],
    ['{', '"x" is no valid JSON'],
    ['1,2,3,4\n', 'The ground truth has 1 lines, the open clip has 6 frames'],
    ['9,1,10,10,5,5,1,-1,-1,-1', '"Target 1" has a box in frame 9, but the open clip has 6 frames'],
    ['1,1,10,10,0,5,1,-1,-1,-1', 'expected finite numbers with an area'],
    ['1,1,1,1,5,5,1,-1,-1,-1\n1,1,2,2,5,5,1,-1,-1,-1', 'has two boxes in frame 1, expected one at most'],
    ['{"images": [{"id": 1}], "annotations": []}', 'The COCO file has 1 images, the open clip has 6 frames'],
    [
      '{"format": "siamrpn-project", "clip": {"frameCount": 7}, "targets": []}',
      'is for a clip of 7 frames, the open clip has 6',
    ],
    ['frame,target,name,x,y,width,height,score,source\n1,1,a,b,2,3,4,,marked', 'Line 2: x is "b", expected a number'],
    ['{"format": "siamrpn-project"}', 'The file has undefined for "targets", expected a list'],
    ['{"format": "siamrpn-project", "targets": [null]}', 'Item 0 of "targets" is null, expected an object'],
    [projectWith({ marks: 5 }), 'The file has 5 for "marks", expected a list'],
    [projectWith({ marks: [{ frame: 0, kind: 'box', box: null }] }), '"a" has null for a box, expected an object'],
    [projectWith({ marks: [{ frame: 0, kind: 'x'.repeat(1e5) }] }), 'expected "box" or "absent"'],
    [projectWith({ track: [{ frame: 0, box: {}, score: 'x' }] }), '"a" has no number for a score in frame 1'],
    [cocoWith({ images: Array(6).fill(null) }), 'Item 0 of "images" is null, expected an object'],
    [cocoWith({ categories: 7 }), 'The file has 7 for "categories", expected a list'],
    [
      cocoWith({ annotations: [{ image_id: 3, bbox: 5 }] }),
      'Annotation undefined has the bbox 5, expected four numbers',
    ],
    [cocoWith({ annotations: [{ image_id: 3, bbox: [1, 2, 3, 4], instance_id: {} }] }), 'has instance_id an object'],
  ])('%j', (text, message) => {
    expect(() => importAnnotations(clip, text, 'x')).toThrow(message)
  })
})
