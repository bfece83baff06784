// The readers that the fuzzer tries, each with files that it reads and files that were faults once.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint } from '../../src/formats/checkpoint.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { fromMMTracking, overrideConfig, parseConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { readCocoVid } from '../../tools/datasets/coco-vid.ts'
import { readGroundTruth } from '../../tools/frames/ground-truth.ts'
import { readImage } from '../../tools/frames/image.ts'
import { readTrainingLog } from '../../tools/report/training-log.ts'

export interface Reader {
  readonly name: string
  readonly corpus: readonly Uint8Array[]
  /** Reads a file's bytes; `folder` is for readers that want a file. */
  read(bytes: Uint8Array, folder: string): unknown
}

const text = (value: string) => new TextEncoder().encode(value)
const json = (value: unknown) => text(JSON.stringify(value))
const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined // What is no JSON never reaches the reader.
  }
}

const tensor = { dtype: 'f32' as const, shape: [2, 3], data: new Uint8Array(24) }
const state = new Map([
  ['backbone.conv1.weight', tensor],
  ['head.cls_weight', tensor],
])
const tiny: unknown = JSON.parse(JSON.stringify(namedConfig('tiny')))
const annotation = { id: 1, image_id: 1, bbox: [1, 2, 3, 4], iscrowd: 0 }
const coco = { images: [{ id: 1, file_name: 'a.jpg', width: 9, height: 9 }], annotations: [annotation] }
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** As a file in the folder. */
const viaFile =
  (name: string, read: (file: string) => Promise<unknown>) => async (bytes: Uint8Array, folder: string) => {
    const file = join(folder, name)
    await writeFile(file, bytes)
    await read(file)
  }

export const readers: readonly Reader[] = [
  {
    name: 'checkpoint',
    corpus: [
      writeSafetensors(state, { note: 'text' }),
      writeTorchZip({ meta: { epoch: 1, cfg: 'x = 1', list: [1, 2.5, null] }, state_dict: state, optimizer: {} }),
      writeTorchZip(state),
    ],
    read: (bytes) => readCheckpoint(bytes),
  },
  {
    name: 'configuration',
    corpus: [json(tiny)],
    read: (bytes) => {
      const value = parse(bytes)
      return value === undefined ? undefined : parseConfig(fromMMTracking(value))
    },
  },
  {
    name: 'override',
    corpus: ['model.test_cfg.rpn.lr=0.3', 'data.train[0].type=ClipFolder', "work_dir='a'", 'a.b["c.d"]=[1,(2,3)]'].map(
      text,
    ),
    read: (bytes) => overrideConfig(namedConfig('tiny'), new TextDecoder().decode(bytes)),
  },
  {
    name: 'ground truth',
    corpus: [
      text('1,2,3,4\n5;6;7;8\n1 2 3 4 5 6 7 8\nNaN,NaN,NaN,NaN\n'),
      text('10,5;20,25;30,75;40,5\n'),
      json({ format: 'siamrpn-results', frames: [{ frame: 0, targets: [{ box: [1, 2, 3, 4] }] }] }),
    ],
    read: viaFile('truth.txt', readGroundTruth),
  },
  {
    name: 'COCO',
    corpus: [json(coco), text(JSON.stringify(coco).replace('"iscrowd":0', '"area":NaN,"score":-Infinity'))],
    read: viaFile('coco.json', (file) => readCocoVid(file, { imagePrefix: '' })),
  },
  {
    name: 'training log',
    corpus: [text('{"seed":1}\n{"mode":"train","epoch":1,"iter":10,"lr":{"a":0.1},"loss":2}\n')],
    read: viaFile('run.log.json', (file) => readTrainingLog([file])),
  },
  { name: 'image', corpus: [png], read: viaFile('image.png', readImage) },
]
