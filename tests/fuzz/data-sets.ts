// Readers of data sets in folders: each text file of a miniature in a published layout is one, and the others stay as they are.
// Also MMTracking's annotation files, folders to train on, and a tracker's published results.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { zipSync } from 'fflate'
import { openBenchmark } from '../../tools/benchmarks/open-benchmark.ts'
import { readResults } from '../../tools/benchmarks/results/read-results.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Finding } from '../../tools/benchmarks/types.ts'
import { SyntheticClips } from '../../tools/clips/clips.ts'
import { layouts } from '../../tools/clips/write.ts'
import { readClips } from '../../tools/datasets/clip-folder.ts'
import { type Reader, text, viaFile } from './reader.ts'

/** A message of a finding is bound like that of an error. */
const longestMessage = 9000

function listen({ place, message }: Finding): void {
  if (place.length + message.length > longestMessage) throw new Error(`a finding of ${message.length} characters`)
}

export async function dataSetReaders(folder: string): Promise<Reader[]> {
  const make = (clips: number) => new SyntheticClips({ seed: 1, clips, framesPerClip: 4, width: 64, height: 64 })
  const found: Reader[] = []
  for (const type of benchmarkNames) {
    const root = join(folder, type)
    await layouts[type](make(type === 'trackingnet' ? 2 : 1), root) // TRAIN_0 has the first one, TEST the second.
    for (const file of await textFiles(root)) {
      const name = relative(root, file)
      const split = splitOf(type, name)
      found.push(await fileReader(`${type} ${name}`, file, () => openBenchmark({ type, root, tell: listen, ...split })))
    }
  }
  const own = join(folder, 'folder')
  for (const file of await textFiles(own)) {
    found.push(await fileReader(`clips ${relative(own, file)}`, file, () => readClips(own)))
  }
  return [...found, ...(await annotationReaders(folder)), ...resultReaders]
}

/** The part of the data set that has the file, where it is not the one that is read by default. */
function splitOf(type: BenchmarkName, name: string): { readonly split?: string } {
  const isTrain = type === 'got10k' || (type === 'trackingnet' && name.startsWith('TRAIN'))
  return isTrain ? { split: 'train' } : {}
}

/** The file gets its own bytes back before the next reader comes. */
async function fileReader(name: string, file: string, read: () => Promise<unknown>): Promise<Reader> {
  const original = await readFile(file)
  return {
    name,
    corpus: [original],
    async read(bytes) {
      await writeFile(file, bytes)
      try {
        await read()
      } finally {
        await writeFile(file, original)
      }
    },
  }
}

async function textFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !/\.(jpg|png)$/.test(entry.name))
  return files.map((entry) => join(entry.parentPath, entry.name)).sort()
}

/** MMTracking's two kinds of annotation files, of the folder that holds the clips of its own kind. */
async function annotationReaders(folder: string): Promise<Reader[]> {
  const root = join(folder, 'lasot')
  const images = await readdir(root, { recursive: true })
  const first = images.filter((name) => name.endsWith('.jpg')).sort()[0] ?? ''
  const clip = join(first, '..', '..')
  const infos = `The format of each line\n${clip}/img,${clip}/groundtruth.txt,1,4\n`
  const coco = {
    videos: [{ id: 1, name: clip }],
    images: [1, 2].map((id) => ({ id, video_id: 1, frame_id: id - 1, file_name: first, width: 48, height: 40 })),
    annotations: [1, 2].map((id) => ({
      id,
      image_id: id,
      video_id: 1,
      instance_id: 1,
      category_id: 1,
      bbox: [1, 2, 30, 20],
    })),
    categories: [{ id: 1, name: 'a' }],
  }
  const open = (annFile: string) => openBenchmark({ type: 'lasot', root, annFile, tell: listen })
  return [
    { name: 'infos', corpus: [text(infos)], read: viaFile('infos.txt', open) },
    { name: 'COCO benchmark', corpus: [text(JSON.stringify(coco))], read: viaFile('coco-benchmark.json', open) },
  ]
}

const box = { x: 1, y: 2, width: 30, height: 20 }
const benchmark = (protocol: Benchmark['protocol']): Benchmark => ({
  ...{ type: protocol === 'vot' ? 'vot2018' : protocol === 'got10k' ? 'got10k' : 'otb100', title: protocol, protocol },
  sequences: [
    { name: 'a', images: ['1', '2', '3'], boxes: [box, box, box], visible: [true, true, true], attributes: [] },
  ],
})

const resultText = '1,2,30,20\n'.repeat(3)
const resultReaders: readonly Reader[] = [
  {
    name: 'results in an archive',
    corpus: [zipSync({ 'a.txt': text(resultText) }), zipSync({ 'run/a/a_001.txt': [text(resultText), { level: 0 }] })],
    read: viaFile('results.zip', (file) => readResults(file, benchmark('ope'), listen)),
  },
  ...(['ope', 'got10k', 'vot'] as const).map((protocol) => ({
    name: `results ${protocol}`,
    corpus: [
      text('1,2,30,20\n1.5\t2\t30\t20\nNaN,NaN,NaN,NaN\n'),
      text('1\n1,2,30,20\n2\n'),
      text('0,0,9,0,9,9,0,9\n'.repeat(3)),
    ],
    read: viaFile(`results-${protocol}/a.txt`, (file) => readResults(join(file, '..'), benchmark(protocol), listen)),
  })),
]
