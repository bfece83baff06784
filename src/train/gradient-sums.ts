// Gradients averaged over several steps before one update, for batches that do not fit in memory, and over several ranks.
// Source: GradientCumulativeOptimizerHook of mmcv (runner/hooks/optimizer.py).

import type { Device } from '../gpu/device.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { accumulateGradient } from '../kernels/optimizer.ts'
import type { Update } from '../nn/optimizer.ts'
import type { Parameter } from '../nn/parameter.ts'
import { TrainerError } from './errors.ts'

export class GradientSums {
  readonly #device: Device
  readonly #steps: number
  /** `[2]`: whether the sum goes on (0 or 1), and a gradient's factor. */
  readonly #scalars: GpuTensor
  readonly #sums = new Map<Parameter, GpuTensor>()

  /** @param steps per update, those of all ranks together */
  constructor(device: Device, steps: number) {
    this.#device = device
    this.#steps = steps
    this.#scalars = device.empty([2], 'f32', 'gradient sums')
  }

  has(parameter: Parameter): boolean {
    return this.#sums.has(parameter)
  }

  /** Makes the sums; needed before `record`, outside of the capture. @throws OutOfMemoryError */
  prepare(parameters: Iterable<Parameter>): void {
    for (const each of parameters) {
      if (!this.has(each)) this.#sums.set(each, this.#device.empty(each.data.shape, 'f32', `${each.name}.sum`))
    }
  }

  /** Records the addition of a step's gradient of a parameter. */
  record(r: Recorder, parameter: Parameter, gradient: GpuTensor): void {
    const label = `${parameter.name}.gather`
    accumulateGradient(r, { sum: this.tensor(parameter), gradient, scalars: this.#scalars, label })
  }

  /**
   * Must be called before each run of what `record` recorded.
   * @param index of the step among those of its update
   * @param lossScale what the step's loss is multiplied by; the sums are without it
   */
  begin(index: number, lossScale = 1): void {
    this.#device.write(this.#scalars, Float32Array.of(index > 0 ? 1 : 0, 1 / this.#steps / lossScale))
  }

  /** The averages, for the optimizer. */
  updates(parameters: Iterable<Parameter>): Update[] {
    return [...parameters].map((parameter) => ({ parameter, gradient: this.tensor(parameter) }))
  }

  /** The sum of a parameter's gradients. @throws TrainerError unless it was prepared */
  tensor(parameter: Parameter): GpuTensor {
    const sum = this.#sums.get(parameter)
    if (sum) return sum
    throw new TrainerError(
      `Parameter \`${parameter.name}\` has no sum of gradients: it must be prepared before the capture`,
    )
  }

  release(): void {
    for (const tensor of [this.#scalars, ...this.#sums.values()]) this.#device.release(tensor)
    this.#sums.clear()
  }
}
