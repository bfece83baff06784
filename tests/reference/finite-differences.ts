// Derivatives of float64 references by central differences: what the written-out reference gradients are checked against.

import type { HostTensor } from '../helpers/tensors.ts'

const stepSize = 1e-5

/** Gradient of `sum(f(x) * upstream)` with respect to `x`, element by element. Costs two evaluations per element. */
export function finiteDifferences(
  f: (x: HostTensor) => HostTensor,
  { data, shape }: HostTensor,
  upstream: HostTensor,
): HostTensor {
  const at = (index: number, step: number) => {
    const moved = Float64Array.from(data)
    moved[index] = moved[index]! + step
    const output = f({ data: moved, shape }).data
    return Float64Array.from(upstream.data).reduce((sum, value, i) => sum + value * output[i]!, 0)
  }
  return { data: Float64Array.from(data, (_, i) => (at(i, stepSize) - at(i, -stepSize)) / (2 * stepSize)), shape }
}
