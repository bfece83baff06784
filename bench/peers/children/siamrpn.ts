// Ourselves: first the network alone, whose inputs and outputs are written down for the others, then whole frames through the
// public interface, which is more work than the others do: crop, resize and the choice of the box as well.

import { writeFileSync } from 'node:fs'
import { writeSafetensors } from '../../../src/formats/safetensors.ts'
import { fromFloat32 } from '../../../src/formats/state-dict.ts'
import { openDevice } from '../../../src/gpu/device.ts'
import { capture } from '../../../src/gpu/program.ts'
import type { Feature } from '../../../src/nn/counting-layers.ts'
import { Network } from '../../../src/siamrpn/network.ts'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { noiseImage } from '../../../tests/golden/check/hash.ts'
import { toNCHW, uploadMap } from '../../../tests/golden/check/maps.ts'
import { readGoldenSection } from '../../../tests/golden/check/reader.ts'
import { childRequest } from '../../child.ts'
import { type BenchModel, benchModel, goldenDirectory, videoBox, videoFrame } from '../../data.ts'
import { searchNetwork } from '../../network.ts'
import { type InputTensor, relativeError, report, timeFrames } from '../contend.ts'
import type { PeerRequest } from '../messages.ts'

interface GoldenCase {
  readonly model: string
  readonly batch: number
  readonly z_key: string
  readonly x_key: string
  readonly cls_score: string
  readonly bbox_pred: string
}

const request = childRequest<PeerRequest>()
const model = await benchModel(request.model)
const golden = await readGoldenSection<{ cases: GoldenCase[] }>(goldenDirectory, 'C')
const expected = golden.json.cases.find((one) => one.model === request.model && one.batch === 1)
if (!expected) throw new Error(`The golden data has no single frame of model ${request.model}`)
const tensors = await runNetwork(model, expected)
writeFileSync(
  request.tensors,
  writeSafetensors(new Map([...tensors].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)]))),
)

const start = performance.now()
const tracker = await SiamRPN.create(model.state, { config: model.config })
const target = await tracker.init(videoFrame(0), videoBox)
await report({ kind: 'loaded', ms: performance.now() - start })
const frames = [1, 2].map(videoFrame)
await timeFrames(async (index) => await target.update(frames[index % frames.length] ?? videoFrame(0)))
await tracker.close()
const difference = (name: 'cls' | 'bbox', key: string) =>
  relativeError(tensors.get(name)?.data ?? [], golden.float32(key))
await report({
  kind: 'error',
  cls: difference('cls', expected.cls_score),
  bbox: difference('bbox', expected.bbox_pred),
})
process.disconnect?.()

/** A case of the golden data through template and search branch: inputs and outputs of the network, NCHW. */
async function runNetwork({ config, state }: BenchModel, golden: GoldenCase): Promise<Map<string, InputTensor>> {
  const device = await openDevice()
  const network = new Network(config.model)
  await network.load(device, state)
  const { exemplar_size, search_size } = config.model.test_cfg
  const image = (key: string, size: number) => {
    return { data: noiseImage(key, 3 * size * size), shape: [1, 3, size, size] as const }
  }
  const search = image(golden.x_key, search_size)
  const template = uploadMap(device, image(golden.z_key, exemplar_size), 4)
  const searchImage = uploadMap(device, search, 4)
  const program = await capture(device, (r) => {
    const kernels = network.forwardKernels(r, network.forwardTemplate(r, template))
    return { kernels, maps: network.forwardMaps(r, kernels, network.forwardSearch(r, searchImage)) }
  })
  program.run()
  const { kernels, maps } = program.result
  const layers = searchNetwork(config.model)
  const levels = layers.kernels.length / 2
  const tensors = new Map<string, InputTensor>([['search', search]])
  for (const [index, kernel] of layers.kernels.entries()) {
    const both = kernels[index % levels]
    if (!both) continue
    const { data } = planes(await device.readF32(both), kernel, index < levels ? 0 : kernel.channels)
    tensors.set(kernel.name, { data, shape: [kernel.channels, 1, kernel.size, kernel.size] })
  }
  for (const output of layers.outputs) {
    const found = await device.readF32(output.name === 'cls' ? maps.cls : maps.bbox)
    tensors.set(output.name, planes(found, output, 0))
  }
  await device.close()
  return tensors
}

/** A map's channels from `first` on, NCHW. */
function planes(data: Float32Array, { channels, size }: Feature, first: number): InputTensor {
  return toNCHW({ data, shape: [1, size, size, data.length / size ** 2] }, first, channels)
}
