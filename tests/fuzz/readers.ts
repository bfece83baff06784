// The readers that the fuzzer tries, each with files that it reads. Files in corpus/NAME are tried with them: videos, and
// what was a fault once.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { unzipSync, zipSync } from 'fflate'
import { readCheckpoint } from '../../src/formats/checkpoint.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { ownConfig } from '../../src/siamrpn/checkpoint-model.ts'
import { fromMMTracking, overrideConfig, parseConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { outlineOf, readMask } from '../../tools/augment/cutout.ts'
import { readCorrections } from '../../tools/cli/teach/corrections.ts'
import { writeCocoCutouts } from '../../tools/datasets/coco-cutouts.ts'
import { readCocoVid } from '../../tools/datasets/coco-vid.ts'
import { readRun, readStoredResults } from '../../tools/evaluation/result-store.ts'
import { openFrames } from '../../tools/frames/frames.ts'
import { readGroundTruth } from '../../tools/frames/ground-truth.ts'
import { readImage } from '../../tools/frames/image.ts'
import { tarMember } from '../../tools/pretrained/tar.ts'
import { readTfliteConvolutions } from '../../tools/pretrained/tflite.ts'
import { readTrainingLog } from '../../tools/report/training-log.ts'
import { TrackCache } from '../../tools/search/track-cache.ts'
import { readConfigFile } from '../../tools/training/config-file.ts'
import { takeLock } from '../../tools/training/lock.ts'
import { readTrainingCheckpoint } from '../../tools/training/training-checkpoint.ts'
import { WorkDir } from '../../tools/training/work-dir.ts'
import { writeCocoVid } from '../../web/src/formats/coco-vid.ts'
import { writeCsv } from '../../web/src/formats/csv.ts'
import { importAnnotations } from '../../web/src/formats/import.ts'
import { writeProjectJson } from '../../web/src/formats/json.ts'
import { writeMot } from '../../web/src/formats/mot.ts'
import { addTarget, emptyProject } from '../../web/src/model/project.ts'
import { tfliteFile } from '../tools/pretrained/tflite-file.ts'
import { dataSetReaders } from './data-sets.ts'
import { images, maskPicture, plainPicture } from './images.ts'
import { json, parse, type Reader, text, viaFile } from './reader.ts'

const tensor = { dtype: 'f32' as const, shape: [2, 3], data: new Uint8Array(24) }
const state = new Map([
  ['backbone.conv1.weight', tensor],
  ['head.cls_weight', tensor],
])
const tiny: unknown = JSON.parse(JSON.stringify(namedConfig('tiny')))
const annotation = { id: 1, image_id: 1, bbox: [1, 2, 3, 4], iscrowd: 0 }
const coco = { images: [{ id: 1, file_name: 'a.jpg', width: 9, height: 9 }], annotations: [annotation] }

const segmentation = [[10, 10, 30, 10, 30, 25, 10, 25]]
const outlined = {
  images: [{ id: 1, file_name: 'a.png', width: 48, height: 40 }],
  categories: [{ id: 1, name: 'a dog' }],
  annotations: [1, 2].map((id) => ({ ...annotation, id, bbox: [10, 10, 20, 15], category_id: 1, segmentation })),
}

const facts = {
  ...{ version: 1, epoch: 1, iteration: 2, iterationsPerEpoch: 5, batchSize: 2, seed: 0 },
  ...{ best: { measure: 'success', value: 50, file: 'a' }, scores: { success: 50 }, pendingEvaluation: false },
}
const trained = { epoch: '1', iter: '7', 'siamrpn.training': JSON.stringify(facts), config: JSON.stringify(tiny) }

const clip = { name: 'dog.mp4', width: 640, height: 360, frameCount: 3, frameRate: 25 }
const { project } = addTarget(emptyProject(clip), 0, { x: 1, y: 2, width: 30, height: 40 })

const video = { name: 'a', images: ['1.jpg', '2.jpg'], boxes: [], visible: [], attributes: [] }
const about = { tracker: 'x', config: null, checkpoint: 'a', data: { dataset: 'folder', test: null, testMode: null } }
const sequence = { format: 'siamrpn-sequence', name: 'a', regions: [1, [1, 2, 3, 4]], scores: [1, 1], seconds: [1, 1] }

const convolution = { name: 'a', depthwise: false, shape: [1, 1, 1, 3], filter: [1, 2, 3], bias: [4], stride: 1 }

const python = `_base_ = './base.py'
cudnn_benchmark = False
crop_size = 511
model = dict(type='SiamRPN', test_cfg=dict(rpn=dict(penalty_k=0.05, lr=4e-1), exemplar_size=2**7 - 1, **{'_delete_': False}))
work_dir = f'{crop_size}' 'x'
data_root = '{{ fileDirname }}' + '/data'
lists = [dict(policy='step', step=[10, 20]), None, -1 * 3, 7 // 2 % 3, "\\u00e4", r'a\\b', {'a': {'b': True}}]
train_pipeline = [{'a': [1, 2][0], 'b': (1,), 'c': lists}]
`
/** As Python writes it. */
const tinyPython = Object.entries(tiny as object)
  .map(
    ([name, value]) => `${name} = ${JSON.stringify(value).replaceAll('true', 'True').replaceAll('false', 'False')}\n`,
  )
  .join('')
  .replaceAll('null', 'None')

const torch = writeTorchZip({
  meta: { epoch: 1, cfg: 'x = 1', list: [1, 2.5, null] },
  state_dict: state,
  optimizer: {},
})
const golden = (name: string): Promise<Uint8Array> => readFile(new URL(`../golden/${name}`, import.meta.url))

/** How long reading takes follows from how many frames are asked for. */
const mostFrames = 20

async function look(frames: AsyncIterable<unknown>): Promise<void> {
  let count = 0
  for await (const _ of frames) if (++count === mostFrames) return
}

const readers: readonly Reader[] = [
  {
    name: 'checkpoint',
    corpus: [
      writeSafetensors(state, { note: 'text' }),
      torch,
      writeTorchZip(state),
      writeSafetensors(state, { config: JSON.stringify(tiny) }),
      zipSync(unzipSync(torch)),
      await golden('tricky.legacy.pth'),
      await golden('tricky.zip.pth'),
    ],
    read: (bytes) => ownConfig(readCheckpoint(bytes), 'file'),
  },
  {
    name: 'training checkpoint',
    corpus: [writeSafetensors(new Map([...state, ['optimizer.a.momentum_buffer', tensor]]), trained)],
    read: viaFile('epoch_1.safetensors', readTrainingCheckpoint),
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
    name: 'configuration file',
    corpus: [json(tiny)],
    read: viaFile('config.json', async (file) => parseConfig(await readConfigFile(file), file)),
  },
  {
    name: 'Python configuration',
    corpus: [text(tinyPython), text(python), text(python.replace(/^.*\n/, '')), text('x = [i for i in range(3)]\n')],
    read: viaFile('config.py', async (file) => {
      await writeFile(join(file, '../base.py'), 'lr = 0.1\n')
      return parseConfig(await readConfigFile(file), file)
    }),
  },
  {
    name: 'override',
    corpus: [
      'model.test_cfg.rpn.lr=0.3',
      "work_dir='a'",
      'model.backbone.strides=[1,2,1,2]',
      'optimizer.paramwise_cfg.custom_keys={"backbone": {"lr_mult": 0.1}}',
    ].map(text),
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
    name: 'corrections',
    corpus: [
      json([
        { frame: 0, box: [1, 2, 3, 4] },
        { frame: 9, box: null },
      ]),
      text(writeProjectJson(project)),
    ],
    read: viaFile('corrections.json', (file) => readCorrections(file)),
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
  {
    name: 'evaluation',
    corpus: [json({ format: 'siamrpn-evaluation', fingerprint: { sha256: 'a' }, about })],
    read: viaFile('evaluation/run.json', (file) => readRun(join(file, '..'))),
  },
  {
    name: 'stored result',
    corpus: [json(sequence)],
    read: viaFile('evaluation/sequences/a.json', (file) => readStoredResults(join(file, '../..'), [video])),
  },
  {
    name: 'search track',
    corpus: [writeSafetensors(new Map([['rule', { ...tensor, shape: [2, 4], data: new Uint8Array(32) }]]), {})],
    read: async (bytes, folder) => {
      const cache = new TrackCache(folder, {})
      await viaFile('a.safetensors', () => cache.load(video))(bytes, cache.folder)
    },
  },
  {
    name: 'cut-outs of COCO',
    corpus: [
      json(outlined),
      text(JSON.stringify(outlined).replace('"category_id":1', '"category_id":12345678901234567890')),
    ],
    read: viaFile('cutouts/instances.json', async (annFile) => {
      const folder = join(annFile, '..')
      await writeFile(join(folder, 'a.png'), plainPicture)
      const out = join(folder, 'out')
      await writeCocoCutouts({ annFile, images: folder, out, perCategory: 2, minSize: 1, maxSide: 64, seed: 1 })
    }),
  },
  { name: 'mask', corpus: [maskPicture], read: viaFile('mask.png', async (file) => outlineOf(await readMask(file))) },
  {
    name: 'lock',
    corpus: [
      json({ pid: 2 ** 22 + 1, host: hostname(), birth: '1', key: 'a' }),
      json({ pid: 1, host: 'other', birth: null }),
    ],
    read: viaFile('locked/training.lock', async (file) => await (await takeLock(file, join(file, '..')))()),
  },
  {
    name: 'pointer to the last checkpoint',
    corpus: [text('epoch_1.safetensors\n'), text('../a/iter_1.safetensors')],
    read: viaFile('run/last_checkpoint', async (file) => {
      const run = await WorkDir.open(join(file, '..'))
      try {
        await run.lastCheckpoint()
      } finally {
        await run.close()
      }
    }),
  },
  {
    name: 'TFLite model',
    corpus: [tfliteFile([convolution]), tfliteFile([{ ...convolution, half: true }])],
    read: (bytes) => readTfliteConvolutions(bytes, 'model'),
  },
  {
    name: 'tar',
    corpus: [tarOf('package/model.tflite', text('content'))],
    read: (bytes) => tarMember(bytes, 'package/model.tflite', 'archive'),
  },
  {
    name: 'annotations of the page',
    corpus: [writeProjectJson, writeCocoVid, writeCsv, writeMot]
      .map((write) => text(write(project)))
      .concat(text('1,2,3,4\nnan,nan,nan,nan\n5;6;7;8\n')),
    read: (bytes) => importAnnotations(clip, new TextDecoder().decode(bytes), 'file'),
  },
  { name: 'image', corpus: images, read: viaFile('image.png', readImage) },
  {
    name: 'frames of an image',
    corpus: images,
    read: viaFile('image.gif', async (file) => {
      await look(await openFrames(file))
    }),
  },
  {
    name: 'video',
    corpus: [],
    read: viaFile('video.mp4', async (file) => {
      const source = await openFrames(file)
      try {
        await look(source)
      } finally {
        await source.close()
      }
    }),
  },
]

/** @param folder where readers of folders keep them; it stays until the last one has read */
export async function makeReaders(folder: string): Promise<Reader[]> {
  const all = [...readers, ...(await dataSetReaders(folder))]
  return await Promise.all(
    all.map(async (reader) => ({ ...reader, corpus: [...reader.corpus, ...(await kept(reader))] })),
  )
}

const corpus = new URL('./corpus/', import.meta.url)

/** The files in corpus/NAME, in the order of their names. */
async function kept({ name }: Reader): Promise<Uint8Array[]> {
  const folder = new URL(`${fileNameOf(name)}/`, corpus)
  const names = await readdir(folder).catch((): string[] => [])
  return await Promise.all(names.sort().map((file) => readFile(new URL(file, folder))))
}

/** A reader's name as files have it. */
export function fileNameOf(name: string): string {
  return name.replaceAll(/[^\w.]+/g, '-')
}

/** A tar archive of one file. */
function tarOf(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(512 * 4)
  const put = (at: number, value: string) => bytes.set(text(value), at)
  put(0, name)
  put(124, `${content.length.toString(8).padStart(11, '0')} `)
  put(156, '0')
  put(148, '        ')
  put(
    148,
    `${bytes
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  )
  bytes.set(content, 512)
  return bytes
}
