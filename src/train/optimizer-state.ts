// The optimizer's state as named tensors in PyTorch's layouts: `<parameter>.<kind>` for each kind (momentum_buffer, exp_avg,
// exp_avg_sq) and `<parameter>.step`. Parameters that were never updated have no state, as in PyTorch.

import { CheckpointError } from '../formats/errors.ts'
import { fromFloat32, type NamedTensor, type StateDict, toFloat32, toTypedArray } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { type Optimizer, stateKinds } from '../nn/optimizer.ts'
import type { Parameter } from '../nn/parameter.ts'

/** Reads the state back from the device. */
export async function writeOptimizerState(
  device: Device,
  optimizer: Optimizer,
  parameters: readonly Parameter[],
): Promise<StateDict> {
  const byName = new Map(parameters.map((each) => [each.name, each]))
  const state: StateDict = new Map()
  for (const { parameter, step, tensors } of optimizer.states()) {
    const known = byName.get(parameter.name)
    if (step === 0 || !known) continue
    const count = BigInt64Array.of(BigInt(step))
    state.set(`${known.name}.step`, { dtype: 'i64', shape: [], data: new Uint8Array(count.buffer) })
    for (const [kind, tensor] of tensors) {
      state.set(`${known.name}.${kind}`, fromFloat32(known.toPyTorch(await device.readF32(tensor)), known.shape))
    }
  }
  return state
}

/** Continues from such state. @throws CheckpointError if tensors are missing; OptimizerError if they do not fit */
export function readOptimizerState(optimizer: Optimizer, parameters: readonly Parameter[], state: StateDict): void {
  for (const parameter of parameters) {
    const step = state.get(`${parameter.name}.step`)
    if (!step) continue
    const values = new Map(
      stateKinds[optimizer.settings.type].flatMap((kind) => {
        const tensor = state.get(`${parameter.name}.${kind}`)
        return tensor ? [[kind, parameter.fromPyTorch(fitting(parameter, kind, tensor))] as const] : []
      }),
    )
    optimizer.restore(parameter, Number(toTypedArray(step)[0]), values)
  }
}

function fitting({ name, shape }: Parameter, kind: string, tensor: NamedTensor): Float32Array {
  if (tensor.shape.join() === shape.join()) return toFloat32(tensor)
  throw new CheckpointError(`Optimizer state \`${name}.${kind}\` is [${tensor.shape}], expected [${shape}]`)
}
