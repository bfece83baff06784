// Gradients of section B: each op on a tape, with the file's upstream gradient in place of a loss, from the inputs of the case
// to the gradients that it lists. Also the forward pass of batch normalisation in training, which only training knows.

import type { Device } from '../../../src/gpu/device.ts'
import { runOnce } from '../../../src/gpu/program.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { batchNormTrain } from '../../../src/kernels/batch-norm.ts'
import { bilinearResize, bilinearResizeGradient } from '../../../src/kernels/resize.ts'
import { Tape, type Tensor } from '../../../src/nn/autograd.ts'
import {
  add,
  batchNorm,
  depthwiseCorrelation,
  frozenBatchNorm,
  maxPool,
  relu,
  weightedSum,
} from '../../../src/nn/ops.ts'
import { convGradients } from './conv-gradients.ts'
import type { OpCase, OpOutput, RunOp } from './kernel-ops.ts'
import { type Map4, readMap, uploadMap, withTensors } from './maps.ts'
import { GoldenDataError } from './reader.ts'

/** Runs a case forward and backward; the result holds the gradient of each role asked for. */
export type RunGradients = (
  one: OpCase,
  upstream: Map4,
  roles: readonly string[],
) => Promise<ReadonlyMap<string, OpOutput>>

/** Records the op on a tape. `input` gives the tensor of a role, one that wants a gradient. */
type RecordOp = (tape: Tape, input: (role: string) => Tensor, one: OpCase) => Tensor

/** Roles that are `[C]` or `[L]`; the others are activations. */
const vectorRoles: ReadonlySet<string> = new Set(['gamma', 'beta', 'running_mean', 'running_var', 'weight'])

export const gradientOps: Readonly<Record<string, RunGradients>> = {
  conv2d: convGradients,
  depthwise_correlation: onTape((tape, input) => depthwiseCorrelation(tape, input('x'), input('kernel'))),
  batchnorm_eval: onTape((tape, input, one) => {
    const affine = { input: input('x'), gamma: input('gamma'), beta: input('beta') }
    return frozenBatchNorm(tape, affine, statistics(input, one, 0))
  }),
  batchnorm_train: onTape((tape, input, one) => {
    const affine = { input: input('x'), gamma: input('gamma'), beta: input('beta') }
    return batchNorm(tape, affine, statistics(input, one, one.number('momentum')))
  }),
  relu: onTape((tape, input) => relu(tape, input('x'))),
  add: onTape((tape, input) => add(tape, input('a'), input('b'))),
  add_relu: onTape((tape, input) => add(tape, input('a'), input('b'), { activation: 'relu' })),
  maxpool3x3s2p1: onTape((tape, input) => maxPool(tape, input('x'), { kernel: 3, stride: 2, padding: 1 })),
  bilinear_resize: onTape((tape, input, one) => {
    const x = input('x')
    const output = bilinearResize(tape.r, { input: x.data, size: one.number('out') })
    return tape.note([x], output, (gradient) => [
      bilinearResizeGradient(tape.r, { gradient, inputShape: x.data.shape }),
    ])
  }),
  softmax_weighted_sum: onTape((tape, input, one) => {
    const levels = one.roles.filter((role) => /^x\d+$/.test(role)).map((role) => input(role))
    return weightedSum(tape, levels, input('weight'))
  }),
}

/** Forward passes of training, as `forwardOps` has those of tracking. */
export const trainingForwardOps: Readonly<Record<string, RunOp>> = { batchnorm_train: normalisedBatch }

function statistics(input: (role: string) => Tensor, one: OpCase, momentum: number) {
  return {
    mean: input('running_mean').data,
    variance: input('running_var').data,
    eps: one.number('eps'),
    momentum,
  }
}

function onTape(record: RecordOp): RunGradients {
  return async (one, upstream, roles) =>
    withTensors(one.device, async (lend) => {
      const inputs = new Map(one.roles.map((role) => [role, lend(uploadRole(one, role))]))
      const gradient = lend(uploadMap(one.device, upstream))
      const program = await runOnce(one.device, (r) => {
        const found = recordGradient(r, one, { record, inputs, gradient })
        return Object.fromEntries(roles.map((role) => [role, found(role)]))
      })
      try {
        const read = await Promise.all(
          Object.entries(program.result).map(async ([role, tensor]) => {
            return [role, await readOutput(one.device, tensor)] as const
          }),
        )
        return new Map(read)
      } finally {
        program.destroy()
      }
    })
}

interface TapeParts {
  readonly record: RecordOp
  readonly inputs: ReadonlyMap<string, GpuTensor>
  readonly gradient: GpuTensor
}

/** The op, then a loss that depends on its output with the given gradient. */
function recordGradient(r: Recorder, one: OpCase, { record, inputs, gradient }: TapeParts) {
  const tape = new Tape(r)
  const variables = new Map([...inputs].map(([role, tensor]) => [role, tape.variable(tensor)]))
  const variable = (role: string) => {
    const known = variables.get(role)
    if (known === undefined) throw new GoldenDataError(`case ${one.id} has no input '${role}'`)
    return known
  }
  const output = record(tape, variable, one)
  const loss = tape.note([output], r.device.empty([1]), () => [gradient])
  const gradients = tape.backward(loss)
  return (role: string): GpuTensor => {
    const found = gradients.of(variable(role))
    if (found === undefined) throw new GoldenDataError(`case ${one.id}: the output has no gradient to '${role}'`)
    return found
  }
}

function uploadRole(one: OpCase, role: string): GpuTensor {
  if (!vectorRoles.has(role)) return uploadMap(one.device, one.map(role))
  const values = one.vector(role)
  return one.device.tensor(values, [values.length])
}

async function readOutput(device: Device, tensor: GpuTensor): Promise<OpOutput> {
  if (tensor.shape.length === 4) return await readMap(device, tensor)
  return { data: await device.readF32(tensor), shape: tensor.shape }
}

/** Output and both running statistics after one batch. */
async function normalisedBatch(one: OpCase) {
  const { device } = one
  return await withTensors(device, async (lend) => {
    const input = (role: string) => lend(uploadRole(one, role))
    const runningMean = input('running_mean')
    const runningVar = input('running_var')
    const program = await runOnce(device, (r) => {
      const affine = { input: input('x'), gamma: input('gamma'), beta: input('beta') }
      const options = { runningMean, runningVar, eps: one.number('eps'), momentum: one.number('momentum') }
      return batchNormTrain(r, { ...affine, ...options }).output
    })
    try {
      const found: Readonly<Record<string, OpOutput>> = {
        y: await readOutput(device, program.result),
        new_running_mean: await readOutput(device, runningMean),
        new_running_var: await readOutput(device, runningVar),
      }
      return (role: string): OpOutput => {
        const output = found[role]
        if (output === undefined) throw new GoldenDataError(`case ${one.id} has an output '${role}'`)
        return output
      }
    } finally {
      program.destroy()
    }
  })
}
