// The data of the mobile configuration as it lies in ../shared/train (or in the folder that TRAIN_DATA names), where that is
// there: every part opens, pairs are made of all of them, none is unreadable, and fast enough for training beside them.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { mobile } from '../../../src/siamrpn/configs/mobile.ts'
import { photoPipeline, photoTrainData } from '../../../src/siamrpn/configs/photo-data.ts'
import { buildTrainDataset } from '../../../tools/datasets/build-dataset.ts'
import { DecodePool } from '../../../tools/datasets/decode-pool.ts'
import { PairLoader } from '../../../tools/datasets/pair-loader.ts'

const root = process.env.TRAIN_DATA ?? '../shared/train'
const there = existsSync(join(root, 'stills/annotations.json'))
if (!there) console.log(`no ${root}/stills/annotations.json: the test of the training data is left out`)

test.skipIf(!there)('pairs of every part, fast', { timeout: 300_000 }, async () => {
  const options = { data_root: `${root}/`, exemplar_size: 97, search_size: 193 }
  const train = photoTrainData(options)
  const train_pipeline = photoPipeline(options)
  const config = parseConfig({
    ...mobile,
    data_root: options.data_root,
    train_pipeline,
    data: { ...mobile.data, train },
  })
  const entry = config.data?.train
  if (entry === undefined || !('dataset_cfgs' in entry)) throw new Error('expected a mixture of data sets')
  // Tiny ImageNet comes as an archive; where it is not unpacked, the others are looked at.
  const parts = entry.dataset_cfgs.filter((part) => !('ann_file' in part) || existsSync(part.ann_file))
  expect(parts.length).toBeGreaterThanOrEqual(5)
  const dataset = await buildTrainDataset({ ...entry, dataset_cfgs: parts, dataset_sampling_weights: null })
  const pool = new DecodePool(1, { steps: config.train_pipeline ?? [], cacheBytes: 1e9 })
  const loader = new PairLoader({ dataset, pool, batchSize: 32, seed: 5, samplesPerEpoch: 4096 })
  const prefixes = ['/stills/', '/stills2/', '/cutouts/', '/videos/foda-', '/videos/davis-']
  const found = new Set<string | undefined>()
  let positive = 0
  const batches = 20
  let cpu = process.cpuUsage()
  for (let k = 0; k < 2 * batches; k++) {
    if (k === batches) cpu = process.cpuUsage() // The first half warms up.
    for (const { request, template, search, boxes } of await loader.pairs(0, k)) {
      const { source } = request.template
      const path = source.kind === 'collage' ? source.objects[0]?.path : source.kind === 'file' ? source.path : ''
      found.add(prefixes.find((prefix) => path?.includes(prefix)))
      expect([template.width, search.width]).toEqual([97, 193])
      expect(boxes?.flat().every(Number.isFinite)).toBe(true)
      if (request.positive) positive++
    }
  }
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (32 * batches) / ((user + system) / 1e6)
  console.log(`${perSecond.toFixed(0)} pairs per second of CPU time`)
  expect(positive / (64 * batches)).toBeGreaterThan(0.84)
  expect(prefixes.filter((prefix) => !found.has(prefix))).toEqual([])
  expect(loader.report.skipped).toBe(0)
  expect(perSecond).toBeGreaterThan(30)
  loader.close()
  await pool.close()
})
