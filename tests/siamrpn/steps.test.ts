// The captured programs: how many dispatches a frame of r50 takes on each kind of adapter (recorded only, on Dawn's null
// backend), and that nothing is compiled after loading.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { type AdapterFacts, Device, openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { Recorder } from '../../src/gpu/recorder.ts'
import { cropRecordSize } from '../../src/kernels/crop-resize.ts'
import { resultRecordSize, stateRecordSize } from '../../src/kernels/decode-best.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { makeContext, recordSearch, recordTemplate, type StepContext } from '../../src/siamrpn/steps.ts'
import { clipFrame, firstBox, microTracker, withAlpha } from './helpers.ts'

/** On software adapters a filter is read through windows of 64 KiB, with a dispatch for each. */
const mostDispatches = { software: 1100, hardware: 130 } as const

/** lavapipe's facts, and a large GPU's. */
const adapters: Readonly<Record<string, Partial<AdapterFacts>>> = {
  software: {
    kind: 'cpu',
    features: new Set(['subgroups', 'uniform_buffer_standard_layout']),
    subgroupMinSize: 8,
    subgroupMaxSize: 8,
  },
  hardware: { kind: 'gpu', maxWorkgroupInvocations: 1024, maxBindingBytes: 2 ** 31 },
}

describe.each(Object.entries(adapters))('one frame of r50 on a %s adapter', (name, facts) => {
  const { model } = namedConfig('r50')
  let device: Device
  let context: StepContext
  beforeAll(async () => {
    const { gpu, adapter, provider } = await openDevice({ backend: 'null' })
    device = new Device(gpu, { ...adapter, ...facts }, { gpu: provider })
    const network = new Network(model)
    await network.load(device, zeros(stateDictShapes(model)))
    context = makeContext(device, model, network)
  })
  afterAll(() => device.close())

  const frameOf = (r: Pick<Recorder, 'alloc'>) => {
    const [width, height] = [480, 360]
    return { pixels: r.alloc([(width * height * 3) / 4], 'u32'), width, height, format: 'rgb8' as const }
  }

  test.each([1, 4, 8])('takes few dispatches for %i targets', (targets) => {
    const r = new Recorder(device)
    const kernels = [0, 1, 2].map(() => r.alloc([targets, 5, 5, 512]))
    const [crops, state] = [r.alloc([targets, cropRecordSize]), r.alloc([targets, stateRecordSize])]
    const result = recordSearch(r, context, { frame: frameOf(r), crops, state, kernels })
    expect(result.shape).toEqual([targets, resultRecordSize])
    expect(r.steps.length).toBeLessThanOrEqual(name === 'hardware' ? mostDispatches.hardware : mostDispatches.software)
    expect(r.steps[0]?.label).toBe('search.crop')
    expect(r.steps.at(-1)?.label).toBe('search.decode')
    expect(
      r.steps.filter(({ label }) => label.includes('kernel_convs')),
      'the template side is not in it',
    ).toEqual([])
  })

  test("the template's program gives the correlation kernels of each level", () => {
    const r = new Recorder(device)
    const kernels = recordTemplate(r, context, { frame: frameOf(r), crops: r.alloc([2, cropRecordSize]) })
    expect(kernels.map(({ shape }) => shape)).toEqual([0, 1, 2].map(() => [2, 5, 5, 512]))
  })

  test('needs less than 330 MB with its weights, and is one command buffer with one pass', async () => {
    const frame = frameOf({ alloc: (shape) => device.empty(shape, 'u32') })
    const inputs = {
      frame,
      crops: device.empty([1, cropRecordSize]),
      state: device.empty([1, stateRecordSize]),
      kernels: [0, 1, 2].map(() => device.empty([1, 5, 5, 512])),
    }
    const program = await capture(device, (r) => recordSearch(r, context, inputs))
    expect(device.memory.peakBytes).toBeLessThan(330e6)
    const createEncoder = device.gpu.createCommandEncoder.bind(device.gpu)
    const passes: string[] = []
    vi.spyOn(device.gpu, 'createCommandEncoder').mockImplementation((descriptor) => {
      const encoder = createEncoder(descriptor)
      const begin = encoder.beginComputePass.bind(encoder)
      vi.spyOn(encoder, 'beginComputePass').mockImplementation((pass) => {
        passes.push(pass?.label ?? '')
        return begin(pass)
      })
      return encoder
    })
    const submit = vi.spyOn(device.gpu.queue, 'submit')
    program.run()
    expect(passes).toHaveLength(1)
    expect(submit.mock.calls.map(([buffers]) => [...buffers].length)).toEqual([1])
    vi.restoreAllMocks()
    program.destroy()
  })
})

function zeros(shapes: ReadonlyMap<string, readonly number[]>): StateDict {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const count = shape.reduce((product, size) => product * size, 1)
      const isCounter = name.endsWith('.num_batches_tracked')
      return [name, { dtype: isCounter ? 'i64' : 'f32', shape, data: new Uint8Array(count * (isCounter ? 8 : 4)) }]
    }),
  )
}

test('after loading, the first frames compile nothing, whatever their format', async () => {
  await using device = await openDevice()
  await using tracker = await microTracker(device)
  const compile = vi.spyOn(device.gpu, 'createComputePipelineAsync')
  const target = await tracker.init(clipFrame(0), firstBox)
  await target.update(clipFrame(1))
  const other = await tracker.init(withAlpha(clipFrame(0)), firstBox)
  await other.update(withAlpha(clipFrame(1)))
  expect(compile).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})
